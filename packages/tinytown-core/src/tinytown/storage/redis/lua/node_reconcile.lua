-- Compare what is due with the queues and mail of some agents and with some tasks that verify, repair what was
-- forgotten, and expire old mail.
-- ARGS: node_id, nonce, limit; optional after, after_task (where the pages before ended)
-- REPLY: repaired (ids), after and after_task (where the next pages begin; absent at the end)
-- ERRORS: stale_node
-- USES: writes ranges rules acts mail
local function page_end(index, page, limit)
  return #page == limit and tx.zscore(index, page[#page]) or nil
end

return tx.run('node_reconcile', function(a)
  tx.owner(a)
  local repaired, page = {}, tx.zrange('agents', a.limit, a.after)
  local verify = 'verify:' .. a.node_id
  for _, agent in ipairs(tx.load_all('agent', page)) do
    local state, wanted = agent.state, agent.wanted
    local may = agent.node == a.node_id and (wanted == 'run' or wanted == 'draining')
    if may and (state == 'cold' or (state == 'idle' and tx.has_work(agent))) and tx.misplaced(agent) then
      tx.wake(agent)
      repaired[#repaired + 1] = agent.id
    end
  end
  local verifying = tx.zrange('tasks:verifying', a.limit, a.after_task)
  for _, task in ipairs(tx.load_all('task', verifying)) do
    if task.gate_node == a.node_id and not some(task.round_id) and tx.astray(task) then
      tx.zadd(verify, 0, task.id)
      tx.bell(a.node_id)
      repaired[#repaired + 1] = task.id
    end
  end
  tx.expire_due(a.limit)
  if #repaired > 0 then
    tx.event('node.repaired', { node_id = a.node_id, detail = table.concat(repaired, ', '):sub(1, 500) })
  end
  return {
    repaired = repaired,
    after = page_end('agents', page, a.limit),
    after_task = page_end('tasks:verifying', verifying, a.limit),
  }
end)

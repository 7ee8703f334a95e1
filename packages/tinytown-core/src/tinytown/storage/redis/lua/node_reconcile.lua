-- Compare what is due with the queues and mail of some agents, repair what was
-- forgotten, and expire old mail.
-- ARGS: node_id, nonce, limit; optional after (where the page before ended)
-- REPLY: repaired (ids), after (where the next page begins; absent at the end)
-- ERRORS: stale_node
-- USES: writes ranges rules acts mail
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
  for _, task in ipairs(tx.load_all('task', tx.zrange('tasks:verifying', a.limit))) do
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
  return { repaired = repaired, after = #page == a.limit and tx.zscore('agents', page[#page]) or nil }
end)

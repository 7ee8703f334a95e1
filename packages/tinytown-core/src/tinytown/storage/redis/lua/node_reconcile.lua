-- Compare what is due with the queues and mail of some agents and with some tasks that verify, repair what was
-- forgotten, and expire old mail.
-- ARGS: node_id, nonce, limit; optional after, after_task (where the pages before ended), set_back (the server's clock
--       was, so that all that waits for a time goes on)
-- REPLY: repaired (ids), after and after_task (where the next pages begin; absent at the end)
-- ERRORS: stale_node
-- USES: writes ranges rules acts mail
local LONGEST_WAIT, TASKS_LOOKED_AT = 3600000, 20

local function page_end(index, page, limit)
  return #page == limit and tx.zscore(index, page[#page]) or nil
end

local function forget_wait(record)
  if (record.not_before or 0) > tx.now then
    record.not_before = nil
  end
end

-- After the clock was set back nobody knows how much of a wait is left, so what waited may go on. A parked account is
-- probed by one round.
local function forget_waits(agent)
  forget_wait(agent)
  for _, task in ipairs(tx.load_all('task', tx.zrange('queue:' .. agent.id, TASKS_LOOKED_AT))) do
    forget_wait(task)
  end
  local account = 'parked:' .. (some(agent.account) or agent.id)
  if (tonumber(tx.hget(account, 'until')) or 0) > tx.now then
    tx.hset(account, 'until', 1)
  end
end

-- Say whether an agent with something to do is missing from its node's list, or stands there for a time of a clock
-- that was wrong; a parked account may wait longer.
local function misplaced(agent, latest)
  local score = tx.zscore('due:' .. agent.node, agent.id)
  local parked = tonumber(tx.hget('parked:' .. (some(agent.account) or agent.id), 'until')) or 0
  return not score or (tonumber(score) > latest and parked <= tx.now)
end

return tx.run('node_reconcile', function(a)
  tx.owner(a)
  local latest = some(a.set_back) and tx.now or tx.now + LONGEST_WAIT
  local repaired, page = {}, tx.zrange('agents', a.limit, a.after)
  local verify = 'verify:' .. a.node_id
  for _, agent in ipairs(tx.load_all('agent', page)) do
    local state, wanted = agent.state, agent.wanted
    local mine = agent.node == a.node_id
    if mine and some(a.set_back) then
      forget_waits(agent)
    end
    local may = mine and (wanted == 'run' or wanted == 'draining')
    if may and (state == 'cold' or (state == 'idle' and tx.has_work(agent))) and misplaced(agent, latest) then
      tx.wake(agent)
      repaired[#repaired + 1] = agent.id
    end
  end
  local verifying = tx.zrange('tasks:verifying', a.limit, a.after_task)
  for _, task in ipairs(tx.load_all('task', verifying)) do
    if task.gate_node == a.node_id and not some(task.round_id) then
      local score = tx.zscore(verify, task.id)
      if not score or tonumber(score) > latest then
        forget_wait(task)
        tx.zadd(verify, 0, task.id)
        tx.bell(a.node_id)
        repaired[#repaired + 1] = task.id
      end
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

-- Show a scheduler the idle agents of a node and the oldest tasks of the backlog, by role.
-- ARGS: node_id, limit
-- REPLY: agents, tasks, now
-- ERRORS: none
-- USES: ranges rules
local function parked(agent)
  local till = tonumber(tx.hget('parked:' .. (some(agent.account) or agent.id), 'until'))
  return till and (till == 0 or till > tx.now)
end

return tx.run('schedule_snapshot', function(a)
  local idle, roles, tasks = {}, { '' }, {}
  for _, agent in ipairs(tx.load_all('agent', tx.zrange('idle:' .. a.node_id, a.limit))) do
    if (agent.not_before or 0) <= tx.now and not parked(agent) then
      idle[#idle + 1] = agent
      if not tx.has(roles, agent.role) then
        roles[#roles + 1] = agent.role
      end
    end
  end
  for _, role in ipairs(roles) do
    tasks = tx.join(tasks, tx.load_all('task', tx.zrange('backlog:' .. role, a.limit)))
  end
  return { agents = idle, tasks = tasks, now = tx.now }
end)

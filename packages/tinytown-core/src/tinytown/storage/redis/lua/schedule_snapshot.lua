-- Show a scheduler the idle agents of a node and the oldest tasks of the backlog, by role.
-- ARGS: agents (ids), limit; optional roles
-- REPLY: agents, tasks, now
-- ERRORS: none
-- USES: rules
return run('schedule_snapshot', function(a)
  local idle, roles, tasks = {}, { '' }, {}
  for _, agent in ipairs(load_all('agent', a.agents)) do
    if agent.state == 'idle' and agent.wanted == 'run' and not has_work(agent) then
      idle[#idle + 1] = agent
      if not has(roles, agent.role) then
        roles[#roles + 1] = agent.role
      end
    end
  end
  for _, role in ipairs(a.roles or {}) do
    if not has(roles, role) then
      roles[#roles + 1] = role
    end
  end
  for _, role in ipairs(roles) do
    tasks = join(tasks, load_all('task', tx.zrange('backlog:' .. role, a.limit)))
  end
  return { agents = idle, tasks = tasks, now = tx.now }
end)

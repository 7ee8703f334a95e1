-- Register an agent that lived elsewhere and has ended; one that is there already stays as it is.
-- ARGS: id, name, cli, role, node, created_at, last_active_at, by; optional nickname, parent, tasks_completed,
--   rounds_completed
-- REPLY: agent, made
-- ERRORS: name_taken
-- USES: writes ranges rules views
return tx.run('agent_import', function(a)
  local agent = tx.load('agent', a.id)
  if agent then
    return { agent = tx.view(agent) }
  end
  for _, name in ipairs({ a.name, some(a.nickname) }) do
    if some(tx.hget('names', name)) then
      tx.refuse('name_taken', { name = name })
    end
  end
  local parent = some(a.parent) and tx.load('agent', a.parent)
  agent = tx.make('agent', a.id, {
    name = a.name,
    incarnation = 1,
    nickname = a.nickname,
    node = a.node,
    role = a.role,
    cli = a.cli,
    parent_id = parent and parent.id or nil,
    tasks_completed = a.tasks_completed,
    rounds_completed = a.rounds_completed,
    created_at = a.created_at,
    last_active_at = a.last_active_at,
  })
  tx.zadd('agents', agent.seq, agent.id)
  tx.zadd('hosted:' .. agent.node, agent.seq, agent.id)
  tx.hset('names', agent.name, agent.id)
  if some(agent.nickname) then
    tx.hset('names', agent.nickname, agent.id)
  end
  agent.state, agent.wanted = 'stopped', 'stopped'
  tx.event('agent.spawned', { agent_id = agent.id, new = 'cold', detail = a.by })
  tx.event('agent.kill', { agent_id = agent.id, old = 'run', new = 'stopped' })
  tx.event('agent.stopped', { agent_id = agent.id, old = 'cold', new = 'stopped' })
  return { agent = tx.view(agent), made = true }
end)

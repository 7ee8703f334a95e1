-- Register an agent, or begin a new life of one that has stopped.
-- ARGS: id, name, cli; optional nickname, role, model, max_rounds, workspace, base, account, node, parent, round_id, by
-- REPLY: agent
-- ERRORS: stale_round, not_found, ambiguous, name_taken, refused (the id exists)
-- USES: writes ranges rules acts views agents
return tx.run('agent_spawn', function(a)
  local by = tx.actor(tx.acting_round(a), a)
  local parent = some(a.parent) and tx.present(a.parent).id or NONE
  local agent = tx.load('agent', tx.hget('names', a.name))
  if agent then
    local ended = not some(agent.round_id) and (agent.state == 'stopped' or agent.state == 'error')
    if agent.name ~= a.name or not ended then
      tx.refuse('name_taken', { name = a.name })
    end
  end
  local nick_owner = some(a.nickname) and some(tx.hget('names', a.nickname))
  if nick_owner and (not agent or nick_owner ~= agent.id) then
    tx.refuse('name_taken', { name = a.nickname })
  end
  local given = { role = some(a.role) or 'worker', cli = a.cli, parent_id = parent }
  for _, key in ipairs({ 'nickname', 'model', 'max_rounds', 'workspace', 'base', 'account', 'node' }) do
    given[key] = a[key] == nil and NONE or a[key]
  end
  if not agent then
    agent = tx.make('agent', a.id, { name = a.name, incarnation = 1, created_at = tx.now })
    tx.update(agent, given)
    tx.zadd('agents', agent.seq, agent.id)
  else
    tx.free_names(agent)
    if some(agent.node) then
      tx.zrem('hosted:' .. agent.node, agent.id)
    end
    tx.new_life(agent)
    tx.update(agent, given)
    agent.rounds_completed = nil
  end
  tx.zadd('hosted:' .. agent.node, agent.seq, agent.id)
  tx.hset('names', agent.name, agent.id)
  if some(agent.nickname) then
    tx.hset('names', agent.nickname, agent.id)
  end
  agent.state, agent.wanted, agent.last_active_at = 'cold', 'run', tx.now
  tx.event('agent.spawned', { agent_id = agent.id, new = 'cold', detail = by })
  tx.wake(agent)
  return { agent = tx.view(agent) }
end)

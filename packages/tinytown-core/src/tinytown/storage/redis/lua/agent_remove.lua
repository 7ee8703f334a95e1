-- Take an agent that has ended and holds nothing off the books; one that was removed before stays so.
-- ARGS: agent, from; optional round_id, by
-- REPLY: agent
-- ERRORS: stale_round, people_only, not_found, ambiguous, not_an_agent, wrong_state, agent_holds
-- USES: writes ranges rules acts views agents
return tx.run('agent_remove', function(a)
  tx.person(a, 'remove', 'an agent')
  local agent = tx.find('agent', a.agent)
  if not some(agent.cli) then
    tx.refuse('not_an_agent', { detail = 'the conductor is a mailbox; it cannot be removed' })
  end
  if agent.state == 'removed' then
    return { agent = tx.view(agent) }
  end
  tx.check(a, 'agent', agent, 'remove')
  local held = tx.view(agent)[2]
  if held.open_tasks > 0 or held.mail > 0 then
    tx.refuse('agent_holds', {
      detail = string.format('agent `%s` still holds %d open tasks and %d messages', agent.name, held.open_tasks,
        held.mail),
      hint = 'move them with `tt reclaim --from ' .. agent.name .. ' --to-backlog`',
    })
  end
  tx.unwake(agent)
  tx.leave_nothing(agent)
  tx.free_names(agent)
  tx.zrem('agents', agent.id)
  if some(agent.node) then
    tx.zrem('hosted:' .. agent.node, agent.id)
  end
  tx.event('agent.removed', { agent_id = agent.id, old = agent.state, new = 'removed', detail = agent.name })
  agent.state, agent.wanted = 'removed', 'stopped'
  return { agent = tx.view(agent) }
end)

-- The node cannot start an agent; a person must look at it.
-- ARGS: node_id, nonce, agent_id, incarnation, reason
-- REPLY: agent
-- ERRORS: stale_node, not_found, ambiguous
-- USES: rules agents
return run('agent_error', function(a)
  owner(a)
  local agent = find('agent', a.agent_id)
  if (agent.state == 'cold' or agent.state == 'idle') and agent.incarnation == a.incarnation then
    give_up(agent, 'start_failed', a.reason)
  end
  return { agent = view(agent) }
end)

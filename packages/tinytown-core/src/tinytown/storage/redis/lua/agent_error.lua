-- The node cannot start an agent; a person must look at it.
-- ARGS: node_id, nonce, agent_id, incarnation, reason
-- REPLY: agent
-- ERRORS: stale_node, not_found, ambiguous
-- USES: writes ranges rules acts views agents
return tx.run('agent_error', function(a)
  tx.owner(a)
  local agent = tx.find('agent', a.agent_id)
  if (agent.state == 'cold' or agent.state == 'idle') and agent.incarnation == a.incarnation then
    tx.give_up(agent, 'start_failed', a.reason)
  end
  return { agent = tx.view(agent) }
end)

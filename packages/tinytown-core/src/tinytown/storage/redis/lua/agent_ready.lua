-- The node has prepared an agent: from now on it can take rounds.
-- ARGS: node_id, nonce, agent_id, incarnation; optional account
-- REPLY: agent
-- ERRORS: stale_node, not_found, ambiguous
-- USES: rules agents
return run('agent_ready', function(a)
  owner(a)
  local agent = find('agent', a.agent_id)
  if agent.state == 'cold' and agent.incarnation == a.incarnation then
    agent.state, agent.account = 'idle', some(a.account) or agent.account
    tx.event('agent.ready', { agent_id = agent.id, node_id = a.node_id, old = 'cold', new = 'idle' })
    unwake(agent)
    settle(agent)
  end
  return { agent = view(agent) }
end)

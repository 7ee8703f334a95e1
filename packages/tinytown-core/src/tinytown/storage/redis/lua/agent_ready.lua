-- The node has prepared an agent: from now on it can take rounds.
-- ARGS: node_id, nonce, agent_id, incarnation; optional account
-- REPLY: agent
-- ERRORS: stale_node, not_found, ambiguous
-- USES: writes ranges rules acts views agents
return tx.run('agent_ready', function(a)
  tx.owner(a)
  local agent = tx.find('agent', a.agent_id)
  if agent.state == 'cold' and agent.incarnation == a.incarnation then
    agent.state, agent.account = 'idle', some(a.account) or agent.account
    if some(agent.account) then
      tx.forget_parked(agent.id)
    end
    tx.event('agent.ready', { agent_id = agent.id, node_id = a.node_id, old = 'cold', new = 'idle' })
    tx.unwake(agent)
    tx.settle(agent)
  end
  return { agent = tx.view(agent) }
end)

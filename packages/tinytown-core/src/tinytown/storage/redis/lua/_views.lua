-- How agents and nodes are shown. Twin of `view` in `storage/memory/verbs/agents.py` and of `node_view` in
-- `queries.py`.

-- An agent with the counts of its queue and mail, for an answer.
function tx.view(agent)
  local ref = agent.id
  local urgent = tx.zcard('lane:' .. ref .. ':urgent')
  return setmetatable({ agent, {
    urgent_mail = urgent,
    mail = tx.zcard('lane:' .. ref .. ':normal') + urgent,
    waking_mail = tx.scard('waking:' .. ref),
    queued_tasks = tx.zcard('queue:' .. ref),
    open_tasks = tx.zcard('mine:' .. ref),
  } }, VIEW)
end

-- A node with the count of the agents on its books, for an answer.
function tx.node_view(node)
  return setmetatable({ node, { agents = tx.zcard('hosted:' .. node.id) } }, VIEW)
end

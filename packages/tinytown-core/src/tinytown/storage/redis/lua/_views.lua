-- How agents are shown. Twin of `view` in `storage/memory/verbs/agents.py`.

-- An agent with the counts of its queue and mail, for an answer.
function tx.view(agent)
  local ref = agent.id
  local urgent = tx.zcard('lane:' .. ref .. ':urgent')
  return setmetatable({ agent, {
    urgent_mail = urgent,
    mail = tx.zcard('lane:' .. ref .. ':normal') + urgent,
    waking_mail = tx.scard('waking:' .. ref),
    queued_tasks = tx.zcard('queue:' .. ref),
  } }, VIEW)
end

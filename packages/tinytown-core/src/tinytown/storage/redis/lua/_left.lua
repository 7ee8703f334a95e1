-- What ended agents have left. Twin of the helpers in `storage/memory/verbs/reclaim.py`. Needs changes.

-- An agent that does nothing more by itself; one that is not on record does not either.
function tx.has_ended(agent)
  return not agent or agent.state == 'stopped' or agent.state == 'error' or agent.state == 'removed'
end

-- An agent that can do what another has left.
function tx.taker(ref)
  local agent = tx.working_agent(ref)
  if tx.has_ended(agent) then
    tx.refuse('agent_ends', {
      detail = 'agent `' .. agent.name .. '` cannot work and takes nothing over',
      hint = '`tt recover ' .. agent.name .. '` says why and starts it again',
    })
  end
  return agent
end

-- Whether a task waits for an agent that has ended, as the caller saw it. What verifies needs no agent.
function tx.left_by(a, task)
  if task.agent_id ~= a.holder or not tx.has({ 'assigned', 'waiting', 'blocked' }, task.state) then
    return false
  end
  return tx.has_ended(tx.load('agent', a.holder))
end

-- What several verbs of agents share. Twin of the helpers in `storage/memory/verbs/agents.py`.

local SPREAD_MS = 2000

-- Milliseconds that tell agents apart: of an id always the same, so that a repeated verb does the same.
local function delay(ref)
  local value = 0
  for at = 1, #ref do
    value = (value * 31 + ref:byte(at)) % SPREAD_MS
  end
  return value
end

-- Let an agent's account be tried again.
function tx.unpark(agent)
  local account = 'parked:' .. (some(agent.account) or agent.id)
  if not tx.hget(account, 'until') then
    return
  end
  tx.hset(account, 'until', 1)
  tx.hdel(account, 'probe')
  tx.hdel(account, 'tries')
  tx.wake_parked(agent)
end

-- Let the agents of an account that waited for it come, all at once or one after the other; who is left out waits as
-- long as nobody knew the reset.
function tx.wake_parked(agent, spread)
  if some(agent.node) then
    for _, waiting in ipairs(tx.load_all('agent', tx.zrange('due:' .. agent.node, 1000, tx.now))) do
      if waiting.account == agent.account and tx.has_work(waiting) then
        tx.wake(waiting, spread and tx.now + delay(waiting.id) or 0)
      end
    end
  end
end

-- Let go of an agent's name and nickname.
function tx.free_names(agent)
  tx.hdel('names', agent.name)
  if some(agent.nickname) then
    tx.hdel('names', agent.nickname)
  end
end

-- Count a new incarnation; what the last one could not do is forgotten.
function tx.new_life(agent)
  agent.incarnation = agent.incarnation + 1
  tx.update(agent, { failures = NONE, not_before = NONE, reason = NONE, mail_rounds = NONE, rounds_completed = NONE })
  tx.update(agent, { session_id = NONE, session_task = NONE, session_usage = NONE })
  tx.unpark(agent)
  for _, kind in ipairs({ 'agent_error', 'auth_required', 'start_failed', 'mail_loop' }) do
    tx.close_attention(kind, agent.id, 'answered')
  end
end

-- An agent cannot go on until a person has done something.
function tx.give_up(agent, kind, reason)
  local old = agent.state
  agent.state, agent.reason = 'error', reason
  tx.unwake(agent)
  tx.event('agent.error', { agent_id = agent.id, old = old, new = 'error', detail = reason })
  tx.open_attention(kind, agent.id, reason, { 'tt restart ' .. agent.name, 'tt why ' .. agent.name })
end

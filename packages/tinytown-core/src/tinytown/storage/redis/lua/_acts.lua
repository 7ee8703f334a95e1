-- What several verbs do: waking agents, ending rounds, items for people. Twin of `storage/memory/rules.py`, with
-- `_rules.lua`.

-- No pause is longer, so a time beyond it is of a clock that was wrong.
local LONGEST_WAIT = 3600000

-- Put an agent on its node's list of those that have something to do, and ring the bell, if it may start a round.
function tx.wake(agent, at)
  local node, wanted, state = some(agent.node), agent.wanted, agent.state
  if node and (wanted == 'run' or wanted == 'draining') and (state == 'cold' or state == 'idle') then
    local when = math.max(at or 0, agent.not_before or 0, 0)
    local due = 'due:' .. node
    if when <= tx.now or when > tx.now + LONGEST_WAIT then
      -- Whoever was woken first comes first: a place in the queue is a number far below any time.
      local place = tonumber(tx.zscore(due, agent.id))
      when = place and place <= tx.now and place or tx.next_seq()
    end
    tx.zadd(due, when, agent.id)
    tx.zrem('idle:' .. node, agent.id)
    tx.bell(node)
  end
end

-- Take an agent off its node's lists of those that have something to do, and of those that could have.
function tx.unwake(agent)
  if some(agent.node) then
    tx.zrem('due:' .. agent.node, agent.id)
    tx.zrem('idle:' .. agent.node, agent.id)
  end
end

-- An agent may not begin a round before a time; until then it could take no other work either.
function tx.postpone(agent, at)
  tx.zadd('due:' .. agent.node, at, agent.id)
  tx.zrem('idle:' .. agent.node, agent.id)
end

-- Ask the node to end a live round. Says whether there was one.
function tx.request_end(round_id, why)
  local live = tx.load('round', round_id)
  if not live or live.state ~= 'live' then
    return false
  end
  live.end_requested = why
  if some(live.node) then
    tx.sadd('ends:' .. live.node, live.id)
    tx.bell(live.node, why == 'verdict' and live or nil)
  end
  return true
end

-- Has an idle agent had all the rounds it was given?
function tx.spent(agent)
  local limit = some(agent.max_rounds)
  return limit and agent.state == 'idle' and (agent.rounds_completed or 0) >= limit
end

-- Drop all that is known of an account that waits.
function tx.forget_parked(account)
  for _, field in ipairs({ 'until', 'probe', 'tries', 'asked' }) do
    tx.hdel('parked:' .. account, field)
  end
end

-- Forget what only a living agent needs: questions about it, and a limit that is not shared with others.
function tx.leave_nothing(agent)
  for _, kind in ipairs({ 'mail_loop', 'disk_full', 'agent_error', 'start_failed' }) do
    tx.close_attention(kind, agent.id, 'dismissed')
  end
  if not some(agent.account) then
    tx.close_attention('auth_required', agent.id, 'dismissed')
    tx.forget_parked(agent.id)
  end
end

-- Stop an agent that has had all its rounds; what is in its queue stays there.
function tx.stop_spent(agent)
  tx.unwake(agent)
  agent.state, agent.reason = 'stopped', 'max_rounds'
  tx.event('agent.stopped', { agent_id = agent.id, old = 'idle', new = 'stopped', detail = 'max_rounds' })
  tx.leave_nothing(agent)
end

-- Without a live round, what people want decides: stop, or go on if there is something to do.
function tx.settle(agent)
  local wanted = agent.wanted
  if agent.state == 'working' or agent.state == 'removed' then
    return
  elseif wanted == 'stopped' or (wanted == 'draining' and not tx.has_work(agent)) then
    tx.unwake(agent)
    if agent.state ~= 'stopped' then
      tx.event('agent.stopped', { agent_id = agent.id, old = agent.state, new = 'stopped' })
      agent.state = 'stopped'
      tx.leave_nothing(agent)
    end
  elseif wanted == 'paused' then
    tx.unwake(agent)
  elseif tx.spent(agent) then
    tx.stop_spent(agent)
  elseif agent.state == 'cold' or tx.has_work(agent) then
    tx.wake(agent)
  elseif wanted == 'run' and agent.state == 'idle' and some(agent.node) then
    tx.unwake(agent)
    tx.zadd('idle:' .. agent.node, agent.last_active_at or 0, agent.id)
    if tx.zcard('tasks:pending') > 0 then
      tx.bell(agent.node)
    end
  end
end

-- An id from the town's counter, for records that a verb makes by itself.
function tx.serial_id(letter)
  local digits, number, id = '0123456789abcdefghjkmnpqrstvwxyz', tx.next_seq(), ''
  for _ = 1, 8 do
    local digit = number % 32
    id = digits:sub(digit + 1, digit + 1) .. id
    number = (number - digit) / 32
  end
  return letter .. '-' .. id
end

-- Ask a person; one open item for each kind and reference, whose text is renewed.
function tx.open_attention(kind, ref, words, suggestions)
  local known = tx.load('attention', tx.hget('attention_by', kind .. ':' .. ref))
  if known then
    known.text = words
    return
  end
  local item = tx.make('attention', tx.serial_id('q'), {
    kind = kind, ref = ref, text = words, suggestions = suggestions, state = 'open', created_at = tx.now,
  })
  tx.hset('attention_by', kind .. ':' .. ref, item.id)
  tx.zadd('attention', item.seq, item.id)
  tx.event('attention.opened', { attention_id = item.id, detail = kind, new = 'open' })
end

-- Close the open item of a kind and reference, if there is one.
function tx.close_attention(kind, ref, state, answer)
  local item = tx.load('attention', tx.hget('attention_by', kind .. ':' .. ref))
  if not item then
    return
  end
  item.state, item.answer, item.closed_at = state, answer, tx.now
  tx.hdel('attention_by', kind .. ':' .. ref)
  tx.zrem('attention', item.id)
  tx.event('attention.' .. state, { attention_id = item.id, detail = kind, old = 'open', new = state })
end

-- The node that writes; refuses one that another life of the node has replaced.
function tx.owner(a)
  local node = tx.load('node', a.node_id)
  if not node or node.nonce ~= a.nonce then
    tx.refuse('stale_node', { node_id = a.node_id })
  end
  return node
end

-- What several verbs of mail share. Twin of the helpers in `storage/memory/verbs/mail.py`.

-- Write one line of a message's history and the event of it.
function tx.trace(message, verb, by, round_id)
  tx.push('history:' .. message.id, { at = tx.now, verb = verb, new = message.state, by = by, round_id = round_id })
  tx.event('message.' .. verb, {
    message_id = message.id, agent_id = message.to_id, round_id = round_id, new = message.state,
  })
end

function tx.lane(message)
  return 'lane:' .. message.to_id .. ':' .. (some(message.urgent) and 'urgent' or 'normal')
end

-- Say whether a message starts a round; talk that went back and forth too often does not.
function tx.wakes(message)
  return (message.kind == 'task' or message.kind == 'query') and not some(message.quiet)
end

-- Put a message into its lane, where the number of its making keeps the order.
function tx.enqueue(message)
  tx.zadd(tx.lane(message), message.seq, message.id)
  if tx.wakes(message) then
    tx.sadd('waking:' .. message.to_id, message.id)
  end
end

function tx.dequeue(message)
  tx.zrem(tx.lane(message), message.id)
  tx.srem('waking:' .. message.to_id, message.id)
end

-- A message is dealt with.
function tx.handle(message, by, round_id)
  tx.dequeue(message)
  if not some(message.shown_at) then
    message.shown_at = tx.now
  end
  message.state, message.handled_at = 'handled', tx.now
  tx.trace(message, 'handled', by, round_id)
end

-- A message was not read in time; a person is told, since its sender may be gone.
function tx.expire(message)
  tx.dequeue(message)
  message.state = 'expired'
  tx.trace(message, 'expired', 'town')
  local words = 'message `' .. message.id .. '` from `' .. message.sender .. '` to `' .. message.to
    .. '` was not read in time'
  tx.open_attention('expired', message.id, words, { 'tt trace ' .. message.id })
end

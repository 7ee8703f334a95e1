-- What several verbs of mail share. Twin of the helpers in `storage/memory/verbs/mail.py`.

-- Write one line of a message's history, with where it was and what did it, and the event of it.
function tx.trace(message, verb, by, round_id, more)
  local entry = { at = tx.now, verb = verb, new = message.state, by = by, round_id = round_id }
  for name, value in pairs(more or {}) do
    entry[name] = value
  end
  tx.push('history:' .. message.id, entry)
  tx.event('message.' .. verb, {
    message_id = message.id, agent_id = message.to_id, round_id = round_id, new = entry.new,
  })
end

function tx.lane_name(message)
  return some(message.urgent) and 'urgent' or 'normal'
end

function tx.lane(message)
  return 'lane:' .. message.to_id .. ':' .. tx.lane_name(message)
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
  if some(message.expires_at) then
    tx.zadd('expiring', message.expires_at, message.id)
  end
end

function tx.dequeue(message)
  tx.zrem(tx.lane(message), message.id)
  tx.srem('waking:' .. message.to_id, message.id)
  if some(message.expires_at) then
    tx.zrem('expiring', message.id)
  end
end

-- A message is dealt with.
function tx.handle(message, by, round_id, more)
  tx.dequeue(message)
  if not some(message.shown_at) then
    message.shown_at = tx.now
  end
  message.state, message.handled_at = 'handled', tx.now
  tx.trace(message, 'handled', by, round_id, more)
end

-- A message was not read in time: its sender is told by mail, or a person where a person sent it.
function tx.expire(message)
  tx.dequeue(message)
  message.state = 'expired'
  tx.trace(message, 'expired', 'town')
  local words = 'message `' .. message.id .. '` from `' .. message.sender .. '` to `' .. message.to
    .. '` was not read in time'
  local writer = tx.load('agent', message.from_id)
  if not writer or writer.state == 'removed' then
    tx.open_attention('expired', message.id, words, { 'tt trace ' .. message.id })
    return
  end
  local notice = tx.make('message', tx.serial_id('m'), {
    sender = 'town', to = message.sender, to_id = message.from_id, kind = 'info', body = words,
    state = 'queued', reply_to = message.id, created_at = tx.now,
  })
  tx.enqueue(notice)
  tx.trace(notice, 'queued', 'town', nil, { lane = 'normal' })
end

-- Expire what was not read in time, whether or not its reader ever looks.
function tx.expire_due(limit)
  for _, message in ipairs(tx.load_all('message', tx.zrange('expiring', limit, nil, tx.now))) do
    tx.expire(message)
  end
end

-- Send mail. A reply handles what it replies to, if that was the sender's.
-- ARGS: id, to, kind, body, max_hops; optional urgent, reply_to, ttl_ms, round_id, by
-- REPLY: message, agent (id, state and wanted of the reader)
-- ERRORS: stale_round, not_found, ambiguous, refused (the id exists)
-- USES: writes ranges rules acts mail
return tx.run('message_send', function(a)
  local acting = tx.acting_round(a)
  local by, round_id = tx.actor(acting, a), acting and acting.id or nil
  local to = tx.present(a.to)
  local sender_id = tx.actor_id(acting, a)
  local replied = some(a.reply_to) and tx.find('message', a.reply_to)
  local hops = replied and (replied.hops or 0) + 1 or 0
  local message = tx.make('message', a.id, {
    sender = by,
    from_id = sender_id,
    to = to.name,
    to_id = to.id,
    kind = a.kind,
    urgent = some(a.urgent) and 1,
    body = a.body,
    state = 'queued',
    hops = hops,
    reply_to = replied and replied.id or nil,
    created_at = tx.now,
    expires_at = some(a.ttl_ms) and tx.now + a.ttl_ms,
  })
  if acting and hops > a.max_hops and tx.wakes(message) then
    message.quiet = 1
    local words = 'mail between `' .. by .. '` and `' .. to.name .. '` went back and forth ' .. tx.text(hops)
      .. ' times; the last one waits'
    tx.open_attention('mail_loop', to.id, words, { 'tt inbox ' .. to.name, 'tt why ' .. to.name })
  end
  tx.enqueue(message)
  tx.trace(message, 'queued', by, round_id, { by_id = sender_id, lane = tx.lane_name(message) })
  -- Who is no agent reads the conductor's mail, so a person's answer settles what was sent there.
  local answers = replied and replied.to_id == (acting and acting.agent_id or CONDUCTOR_ID)
  if answers and tx.has({ 'queued', 'delivered', 'shown' }, replied.state) then
    tx.handle(replied, by, round_id, { by_id = sender_id, how = 'answered by ' .. message.id })
  end
  if tx.wakes(message) then
    tx.wake(to)
  end
  if not acting and some(to.round_id) and some(message.urgent) then
    tx.bell(to.node)
  end
  return { message = message, agent = { id = to.id, state = to.state, wanted = to.wanted } }
end)

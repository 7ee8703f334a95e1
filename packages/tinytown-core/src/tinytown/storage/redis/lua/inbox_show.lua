-- Show a page of the mail of a live round's agent, or of the conductor, and mark it as shown.
-- ARGS: limit; optional after, round_id, by
-- REPLY: items, next
-- ERRORS: stale_round
-- USES: writes ranges rules acts mail lanes
return tx.run('inbox_show', function(a)
  local acting = tx.acting_round(a)
  local reader = acting and acting.agent_id or CONDUCTOR_ID
  local by, round_id = tx.actor(acting, a), acting and acting.id or nil
  local taken, shown, last = {}, tx.read_lanes(reader, a.limit, a.after)
  for at, message in ipairs(shown) do
    if message.state == 'queued' then
      message.state, message.shown_at, message.shown_in = 'shown', tx.now, round_id
      message.deliveries = (message.deliveries or 0) + 1
      tx.trace(message, 'shown', by, round_id, { by_id = tx.actor_id(acting, a), how = 'tt inbox' })
      tx.srem('waking:' .. reader, message.id)
      tx.zrem('expiring', message.id)
    end
    if acting then
      tx.dequeue(message)
      taken[at] = message.id
    end
  end
  if #taken > 0 then
    acting.messages = tx.join(acting.messages or {}, taken)
  end
  return { items = shown, next = last }
end)

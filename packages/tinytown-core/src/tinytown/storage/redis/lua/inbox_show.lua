-- Show the mail of a live round's agent, or of the conductor, and mark it as shown.
-- ARGS: optional round_id, by
-- REPLY: messages
-- ERRORS: stale_round
-- USES: writes ranges rules acts mail
local SHOWN_AT_ONCE = 50

return tx.run('inbox_show', function(a)
  local acting = tx.acting_round(a)
  local reader = acting and acting.agent_id or CONDUCTOR_ID
  local by, round_id = tx.actor(acting, a), acting and acting.id or nil
  local shown, taken = {}, {}
  for _, name in ipairs({ 'urgent', 'normal' }) do
    for _, message in ipairs(tx.load_all('message', tx.zrange('lane:' .. reader .. ':' .. name, SHOWN_AT_ONCE))) do
      shown[#shown + 1] = message
      if message.state == 'queued' then
        message.state, message.shown_at, message.shown_in = 'shown', tx.now, round_id
        message.deliveries = (message.deliveries or 0) + 1
        tx.trace(message, 'shown', by, round_id)
        tx.srem('waking:' .. reader, message.id)
        tx.zrem('expiring', message.id)
      end
      if acting then
        tx.dequeue(message)
        taken[#taken + 1] = message.id
      end
    end
  end
  if #taken > 0 then
    acting.messages = tx.join(acting.messages or {}, taken)
  end
  return { messages = shown }
end)

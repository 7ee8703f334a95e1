-- Say that a message is dealt with; only its reader, or a person, may.
-- ARGS: message, from; optional round_id, by
-- REPLY: message
-- ERRORS: stale_round, not_found, ambiguous, wrong_state
-- USES: writes ranges rules acts mail
return tx.run('message_handle', function(a)
  local acting = tx.acting_round(a)
  local message = tx.find('message', a.message)
  if acting and message.to_id ~= acting.agent_id then
    tx.refuse('stale_round', { round_id = acting.id, detail = '`' .. message.id .. '` is not its mail' })
  end
  if message.state ~= 'handled' then
    tx.check(a, 'message', message, 'handle')
    local how = { by_id = tx.actor_id(acting, a), how = 'said to be done' }
    tx.handle(message, tx.actor(acting, a), acting and acting.id or nil, how)
  end
  return { message = message }
end)

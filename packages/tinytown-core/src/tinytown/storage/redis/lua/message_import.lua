-- Put a message that lived elsewhere and that nobody has read into the lane of its reader; one that is there already
-- stays as it is.
-- ARGS: id, to, sender, kind, body, created_at, by; optional from_id, urgent
-- REPLY: message, made
-- ERRORS: not_found, ambiguous
-- USES: writes ranges rules acts mail
return tx.run('message_import', function(a)
  local message = tx.load('message', a.id)
  if message then
    return { message = message }
  end
  local to = tx.present(a.to)
  message = tx.make('message', a.id, {
    sender = a.sender,
    from_id = a.from_id,
    to = to.name,
    to_id = to.id,
    kind = a.kind,
    urgent = some(a.urgent) and 1,
    body = a.body,
    state = 'queued',
    hops = 0,
    created_at = a.created_at,
  })
  tx.enqueue(message)
  tx.trace(message, 'queued', a.by)
  if tx.wakes(message) then
    tx.wake(to)
  end
  return { message = message, made = true }
end)

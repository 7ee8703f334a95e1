-- Give mail that waits for an ended agent to another one, or to the conductor; ids, order and history stay. What no
-- longer waits for it is left alone.
-- ARGS: holder, to, messages; optional round_id, by
-- REPLY: messages (those that were moved)
-- ERRORS: stale_round, people_only, not_found, ambiguous, not_assignable, agent_ends
-- USES: writes ranges rules acts mail moves changes left
return tx.run('mail_move', function(a)
  local by = tx.person(a, 'move', 'the mail of others')
  local holder, to, moved = tx.find('agent', a.holder), tx.present(a.to), {}
  if to.id ~= CONDUCTOR_ID then
    tx.taker(to.id)
  end
  local waking, urgent = false, false
  for _, ref in ipairs(tx.has_ended(holder) and a.messages or {}) do
    local message = tx.load('message', ref)
    if message and message.state == 'queued' and message.to_id == holder.id then
      tx.dequeue(message)
      message.to, message.to_id = to.name, to.id
      tx.enqueue(message)
      tx.push('history:' .. ref, {
        at = tx.now, verb = 'moved', new = 'queued', by = by, from = holder.name, to = to.name,
      })
      tx.event('message.moved', {
        message_id = ref, agent_id = to.id, new = 'queued', detail = 'from ' .. holder.name,
      })
      moved[#moved + 1] = message
      waking, urgent = waking or tx.wakes(message), urgent or some(message.urgent)
    end
  end
  if waking then
    tx.wake(to)
  end
  if some(to.round_id) and urgent then
    tx.bell(to.node)
  end
  return { messages = moved }
end)

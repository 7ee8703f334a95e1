-- Make a task of the backlog out of a message that asked an ended agent for work; the message is handled by it. The
-- task's id follows from the message's, so that a repeat does nothing.
-- ARGS: message, holder; optional round_id, by
-- REPLY: message, task (absent where the message no longer waits for the holder)
-- ERRORS: stale_round, people_only, not_found, ambiguous, not_a_task, refused (the id exists)
-- USES: writes ranges rules acts mail moves changes left
return tx.run('message_to_task', function(a)
  local by = tx.person(a, 'move', 'the mail of others')
  local message = tx.find('message', a.message)
  local ref = 't-' .. message.id:sub(3)
  local known = tx.load('task', ref)
  if known and message.state == 'handled' then
    return { message = message, task = known }
  end
  if message.kind ~= 'task' then
    tx.refuse('not_a_task', {
      detail = 'message `' .. message.id .. '` is of kind `' .. message.kind .. '`, which asks for no work',
    })
  end
  local waits = message.state == 'queued' and message.to_id == a.holder
  if not waits or not tx.has_ended(tx.load('agent', message.to_id)) then
    return { message = message }
  end
  local task = tx.make('task', ref, {
    description = message.body, state = 'pending', created_by = message.sender, created_at = tx.now,
    updated_at = tx.now,
  })
  tx.zadd('tasks', task.seq, ref)
  tx.index(task)
  tx.note(task, 'add', nil, by)
  tx.ring_all()
  tx.handle(message, by, nil, { task_id = ref })
  return { message = message, task = task }
end)

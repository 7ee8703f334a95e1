-- The words that an agent says of its task and a person of any: inside a round they are recorded, and applied at the
-- round's end. Twin of `_say` and `_order_or_do` in `storage/memory/verbs/tasks.py`. Needs moves and changes.

-- The same word said again by a round that is over is answered as the first was, whatever came after it.
function tx.said_already(a, verb, task)
  local acting = tx.load('round', a.round_id)
  if not acting or acting.state ~= 'ended' or acting.task_id ~= task.id then
    return false
  end
  local said = some(acting.verdict)
  return said and said.verb == verb
end

-- A person's word: an order if a round goes on, else it is done.
function tx.order_or_do(a, task, verb, want, by)
  if tx.order(a, task, verb, by, want) then
    return { task = task, ordered = true }
  end
  tx.CHANGES[verb](a, task, want, by)
  return { task = task }
end

function tx.say(a, verb, want)
  local task = tx.find('task', a.task)
  if tx.said_already(a, verb, task) then
    return { task = task, recorded = true }
  end
  local acting = tx.acting_round(a)
  local by = tx.actor(acting, a)
  if not acting then
    if some(want.gates) and not some(want.no_gates) and not some(want.gate_node) then
      tx.refuse('no_node', {
        detail = 'no node runs the gates of task `' .. task.id .. '`',
        hint = 'start one with `tt start`, or say `--no-gates`',
      })
    end
    return tx.order_or_do(a, task, verb, want, by)
  end
  tx.own_task(acting, task)
  local said = some(acting.verdict)
  if said and said.verb ~= verb then
    tx.refuse('already_said', {
      detail = 'round `' .. acting.id .. '` has already said `' .. said.verb .. '` of its task',
      hint = 'end the round; a person can still change it',
    })
  end
  if not said then
    local verdict = { verb = verb }
    tx.update(verdict, want)
    acting.verdict = verdict
    if not some(acting.end_requested) then
      tx.request_end(acting.id, 'verdict')
    end
    tx.push('history:' .. task.id, {
      at = tx.now, verb = 'say ' .. verb, by = by, by_id = acting.agent_id, round_id = acting.id,
    })
    tx.event('round.verdict', {
      round_id = acting.id, task_id = task.id, agent_id = acting.agent_id, detail = verb,
    })
  end
  return { task = task, recorded = true }
end

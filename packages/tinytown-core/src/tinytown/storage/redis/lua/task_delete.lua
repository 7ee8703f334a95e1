-- Take a closed task off the books; with `holder` also one that an ended agent left, which is cancelled first.
-- ARGS: task, seen (its `updated_at` when it was looked at), from; optional holder, reason, round_id, by
-- REPLY: id
-- ERRORS: stale_round, people_only, not_found, ambiguous, changed, wrong_state, task_needed
-- USES: writes ranges rules acts moves changes left drops
local LOOKED_AT = 1000
local CLOSED_STATES = { 'cancelled', 'completed', 'failed' }

-- Refuse while an open task depends on this one; closed ones no longer do.
local function forget_dependents(task)
  local found, waiting = tx.zrange('dependents:' .. task.id, LOOKED_AT + 1), nil
  for _, other in ipairs(tx.load_all('task', found)) do
    if not waiting and not tx.has(CLOSED_STATES, other.state) then
      waiting = other.id
    end
  end
  if not waiting and (#found > LOOKED_AT or tx.zscore('freed', task.id)) then
    waiting = found[1] or task.id
  end
  if waiting then
    tx.refuse('task_needed', {
      detail = 'task `' .. waiting .. '` depends on task `' .. task.id .. '`',
      hint = '`tt task cancel ' .. waiting .. '` first, or `tt task cancel ' .. task.id .. '`, which keeps the record',
    })
  end
  for _, other in ipairs(found) do
    tx.srem('blockers:' .. other, task.id)
    tx.zrem('dependents:' .. task.id, other)
  end
end

return tx.run('task_delete', function(a)
  local by = tx.person(a, 'delete')
  local task = tx.find('task', a.task)
  local ref, closed = task.id, tx.has(CLOSED_STATES, task.state)
  if task.updated_at ~= a.seen then
    tx.refuse('changed', {
      detail = 'task `' .. ref .. '` has changed since it was looked at', hint = '`tt trace ' .. ref .. '` tells how',
    })
  end
  if not closed and not (some(a.holder) and tx.left_by(a, task)) then
    tx.check({ from = { ['task.delete'] = CLOSED_STATES } }, 'task', task, 'delete')
  end
  forget_dependents(task)
  if not closed then
    tx.CHANGES.cancel(a, task, { reason = a.reason }, by)
  end
  for _, needed in ipairs(tx.smembers('blockers:' .. ref)) do
    tx.srem('blockers:' .. ref, needed)
    tx.zrem('dependents:' .. needed, ref)
  end
  tx.unindex(task)
  tx.zrem('tasks', ref)
  tx.zrem('ids', ref)
  if some(task.plan_id) then
    tx.hdel('plan', task.plan_id)
  end
  tx.event('task.deleted', { task_id = ref, agent_id = task.agent_id, old = task.state, detail = by })
  tx.forget('task', ref)
  return { id = ref }
end)

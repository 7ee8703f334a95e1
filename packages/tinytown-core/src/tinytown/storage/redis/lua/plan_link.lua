-- Name a task by the id of an entry of a plan; the first name stays.
-- ARGS: task, plan_id; optional round_id, by
-- REPLY: task
-- ERRORS: stale_round, people_only, not_found, ambiguous, plan_id_taken
-- USES: writes rules
return tx.run('plan_link', function(a)
  tx.person(a, 'name')
  local task = tx.find('task', a.task)
  if some(task.plan_id) then
    return { task = task }
  end
  local known = tx.hget('plan', a.plan_id)
  if tx.load('task', known) then
    tx.refuse('plan_id_taken', {
      detail = 'entry `' .. a.plan_id .. '` is task `' .. known .. '` already', hint = 'choose another id',
    })
  end
  task.plan_id = a.plan_id
  tx.hset('plan', a.plan_id, task.id)
  return { task = task }
end)

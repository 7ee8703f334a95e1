-- Take up a failed or cancelled task again; what it had blocked goes back to waiting.
-- ARGS: task, from; optional round_id, by
-- REPLY: task
-- ERRORS: stale_round, people_only, not_found, ambiguous, wrong_state
-- USES: writes ranges rules acts moves changes
return tx.run('task_reopen', function(a)
  local by = tx.person(a, 'reopen')
  local task = tx.find('task', a.task)
  local agent = tx.back_to_author(task)
  local state = tx.scard('blockers:' .. task.id) > 0 and 'waiting' or agent and 'assigned' or 'pending'
  local changes = tx.fresh_start({ agent = agent or NONE, result = NONE, findings = NONE, answer = NONE })
  tx.move(a, task, 'reopen', state, by, changes)
  return { task = task }
end)

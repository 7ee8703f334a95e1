-- Take up a failed or cancelled task again; what it had blocked goes back to waiting.
-- ARGS: task, from; optional round_id, by
-- REPLY: task
-- ERRORS: stale_round, people_only, not_found, ambiguous, wrong_state
-- USES: writes ranges rules acts moves changes
return tx.run('task_reopen', function(a)
  local by = tx.person(a, 'reopen')
  local task = tx.find('task', a.task)
  tx.reopen(a, task, by)
  return { task = task }
end)

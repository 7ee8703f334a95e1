-- Let a blocked task go on, with an answer for its agent if there is one.
-- ARGS: task, from; optional answer, round_id, by
-- REPLY: task
-- ERRORS: stale_round, people_only, not_found, ambiguous, wrong_state
-- USES: writes ranges rules acts moves changes
return tx.run('task_unblock', function(a)
  local by = tx.person(a, 'unblock')
  local task = tx.find('task', a.task)
  tx.unblock(a, task, a.answer, by)
  return { task = task }
end)

-- Close a task as failed. Inside a round it is recorded, and applied at the round's end.
-- ARGS: task, from; optional reason, round_id, by
-- REPLY: task, recorded or ordered
-- ERRORS: stale_round, not_found, ambiguous, already_said, wrong_state
-- USES: writes ranges rules acts moves changes says
return tx.run('task_fail', function(a)
  return tx.say(a, 'fail', { reason = a.reason })
end)

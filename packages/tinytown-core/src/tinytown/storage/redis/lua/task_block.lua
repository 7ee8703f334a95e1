-- Block a task with a reason. Inside a round it is recorded, and applied at the round's end.
-- ARGS: task, reason, from; optional round_id, by
-- REPLY: task, recorded or ordered
-- ERRORS: stale_round, not_found, ambiguous, already_said, wrong_state
-- USES: writes ranges rules acts moves changes says
return tx.run('task_block', function(a)
  return tx.say(a, 'block', { reason = a.reason })
end)

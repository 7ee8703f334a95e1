-- Close a task without a result; of a task whose round goes on it is an order.
-- ARGS: task, from; optional reason, round_id, by
-- REPLY: task, ordered
-- ERRORS: stale_round, people_only, not_found, ambiguous, wrong_state
-- USES: writes ranges rules acts moves changes says
return tx.run('task_cancel', function(a)
  local by = tx.person(a, 'cancel')
  return tx.order_or_do(a, tx.find('task', a.task), 'cancel', { reason = a.reason }, by)
end)

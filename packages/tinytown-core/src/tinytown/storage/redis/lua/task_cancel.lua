-- Close a task without a result; of a task whose round goes on it is an order.
-- ARGS: task, from; optional reason, round_id, by
-- REPLY: task, ordered
-- ERRORS: stale_round, not_found, ambiguous, wrong_state
-- USES: rules moves changes says
return run('task_cancel', function(a)
  local by = actor(acting_round(a), a)
  return order_or_do(a, find('task', a.task), 'cancel', { reason = a.reason }, by)
end)

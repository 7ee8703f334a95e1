-- Put a task back into the backlog; of a task whose round goes on it is an order.
-- ARGS: task, from; optional round_id, by
-- REPLY: task, ordered
-- ERRORS: stale_round, not_found, ambiguous, wrong_state, dependency_open
-- USES: rules moves changes says
return run('task_requeue', function(a)
  local by = actor(acting_round(a), a)
  return order_or_do(a, find('task', a.task), 'requeue', {}, by)
end)

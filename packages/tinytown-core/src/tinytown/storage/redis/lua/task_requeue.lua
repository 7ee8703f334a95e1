-- Put a task back into the backlog; of a task whose round goes on it is an order.
-- ARGS: task, from; optional round_id, by
-- REPLY: task, ordered
-- ERRORS: stale_round, people_only, not_found, ambiguous, wrong_state, dependency_open
-- USES: writes ranges rules acts moves changes says
return tx.run('task_requeue', function(a)
  local by = tx.person(a, 'requeue')
  return tx.order_or_do(a, tx.find('task', a.task), 'requeue', {}, by)
end)

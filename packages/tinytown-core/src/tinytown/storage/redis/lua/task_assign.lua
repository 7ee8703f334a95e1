-- Give a task to an agent; of a task whose round goes on it is an order.
-- ARGS: task, agent, from; optional only_pending, round_id, by
-- REPLY: task, ordered
-- ERRORS: stale_round, people_only, not_found, ambiguous, not_assignable, agent_ends, wrong_state
-- USES: writes ranges rules acts moves changes says
return tx.run('task_assign', function(a)
  local acting = tx.acting_round(a)
  local by = tx.actor(acting, a)
  local task = tx.find('task', a.task)
  local agent = tx.working_agent(a.agent)
  if acting and not (some(a.only_pending) and agent.id == acting.agent_id) then
    tx.person(a, 'assign') -- an agent may claim for itself; to others it gives new tasks
  end
  if some(a.only_pending) and task.state ~= 'pending' then
    tx.refuse('wrong_state', { kind = 'task', id = task.id, state = task.state, verb = 'claim', allowed = 'pending' })
  end
  local there = task.agent_id == agent.id and (task.state == 'assigned' or task.state == 'running')
  if there and not some(task.order) then
    return { task = task } -- it is where it shall be; its round need not be ended for that
  end
  return tx.order_or_do(a, task, 'assign', { agent = agent.id }, by)
end)

-- Take a task from an ended agent: for another one, for the backlog, or to cancel it. One that waits or is blocked
-- stays so, with its reason and its question; only whose it is changes.
-- ARGS: task, holder, verb (assign, requeue or cancel), from; agent to assign it to; optional reason, round_id, by
-- REPLY: task, done (whether the task still waited for the holder)
-- ERRORS: stale_round, people_only, not_found, ambiguous, not_assignable, agent_ends
-- USES: writes ranges rules acts moves changes left
return tx.run('task_reclaim', function(a)
  local by = tx.person(a, 'reclaim')
  local task, verb = tx.find('task', a.task), a.verb
  local agent = verb == 'assign' and tx.taker(a.agent) or nil
  if not tx.left_by(a, task) then
    return { task = task, done = false }
  end
  local state = task.state
  if verb == 'cancel' then
    tx.CHANGES.cancel(a, task, { reason = a.reason }, by)
  elseif state ~= 'assigned' then
    tx.unindex(task)
    task.agent, task.agent_id = agent and agent.name or nil, agent and agent.id or nil
    task.updated_at = tx.now
    tx.index(task)
    tx.push('history:' .. task.id, { at = tx.now, verb = 'reclaim', old = state, new = state, by = by })
    tx.event('task.reclaimed', { task_id = task.id, agent_id = task.agent_id, old = state, new = state })
  elseif agent then
    tx.CHANGES.assign(a, task, { agent = agent.id }, by)
  else
    tx.CHANGES.requeue(a, task, {}, by)
  end
  return { task = task, done = true }
end)

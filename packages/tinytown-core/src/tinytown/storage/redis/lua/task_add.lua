-- Add a task: waiting if a dependency is open, else assigned if an agent is named, else in the backlog.
-- ARGS: id, description; optional agent, depends_on, parent, plan_id, role, tags, mission_id, branch, gates, round_id,
--   by
-- REPLY: task
-- ERRORS: stale_round, not_found, ambiguous, not_assignable, agent_ends, dependency_failed, refused (the id exists)
-- USES: writes ranges rules acts moves changes
return tx.run('task_add', function(a)
  local by = tx.actor(tx.acting_round(a), a)
  local planned = some(a.plan_id) and tx.load('task', tx.hget('plan', a.plan_id))
  if planned then
    return { task = planned } -- the entry of a plan is one task, whoever adds it, and however often
  end
  local agent = some(a.agent) and tx.working_agent(a.agent)
  local needs, waits_for = {}, {}
  for _, ref in ipairs(a.depends_on or {}) do
    local needed = tx.find('task', ref)
    if not tx.has(needs, needed.id) then
      if needed.state == 'failed' or needed.state == 'cancelled' then
        tx.refuse('dependency_failed', {
          detail = 'task `' .. needed.id .. '` is ' .. needed.state .. ', so nothing can depend on it',
          hint = '`tt task reopen ' .. needed.id .. '` first',
        })
      end
      needs[#needs + 1] = needed.id
      if needed.state ~= 'completed' then
        waits_for[#waits_for + 1] = needed.id
      end
    end
  end
  local parent = some(a.parent) and tx.resolve('task', a.parent) or nil
  local state = #waits_for > 0 and 'waiting' or agent and 'assigned' or 'pending'
  local task = tx.make('task', a.id, {
    description = a.description,
    state = state,
    agent = agent and agent.name or nil,
    agent_id = agent and agent.id or nil,
    role = a.role,
    tags = some(a.tags),
    depends_on = some(needs),
    parent_id = parent,
    plan_id = a.plan_id,
    mission_id = a.mission_id,
    branch = a.branch,
    gates = some(a.gates),
    created_by = by,
    created_at = tx.now,
    updated_at = tx.now,
  })
  tx.zadd('tasks', task.seq, task.id)
  if some(a.plan_id) then
    tx.hset('plan', a.plan_id, task.id)
  end
  for _, ref in ipairs(waits_for) do
    tx.sadd('blockers:' .. task.id, ref)
    tx.zadd('dependents:' .. ref, task.seq, task.id)
  end
  tx.index(task)
  tx.note(task, 'add', nil, by)
  if state == 'assigned' then
    tx.wake(agent)
  elseif state == 'pending' then
    tx.ring_all()
  end
  return { task = task }
end)

-- Add a task that lived elsewhere, in the state it had; one that is there already stays as it is.
-- ARGS: id, description, state, created_at, updated_at, by, from; optional agent, depends_on, parent, role, tags,
--   result, reason, started_at, closed_at
-- REPLY: task, made
-- ERRORS: none
-- USES: writes ranges rules acts moves
local ENDS = { completed = 'submit', failed = 'fail', cancelled = 'cancel' }

-- Close or block a task that was just added, as it was where it came from.
local function bring_there(a, task, broken)
  local state = a.state
  if state == 'completed' then
    tx.move(a, task, 'submit', state, a.by, { result = a.result })
  elseif ENDS[state] then
    tx.move(a, task, ENDS[state], state, a.by, { reason = a.reason })
  elseif state == 'blocked' then
    tx.block(a, task, a.reason, a.by)
  elseif broken then
    tx.block(a, task, 'dependency_failed: ' .. broken, 'town', true)
  end
end

return tx.run('task_import', function(a)
  local task = tx.load('task', a.id)
  if task then
    return { task = task }
  end
  local agent = some(a.agent) and tx.load('agent', a.agent)
  if agent and agent.state == 'removed' then
    agent = nil
  end
  local closed, needs, waits_for, broken = ENDS[a.state], {}, {}, nil
  for _, ref in ipairs(a.depends_on or {}) do
    local needed = tx.load('task', ref)
    if needed then
      needs[#needs + 1] = needed.id
      if not closed and needed.state ~= 'completed' then
        waits_for[#waits_for + 1] = needed.id
        broken = broken or (ENDS[needed.state] and needed.id or nil)
      end
    end
  end
  local parent = some(a.parent) and tx.load('task', a.parent)
  task = tx.make('task', a.id, {
    description = a.description,
    state = #waits_for > 0 and 'waiting' or agent and 'assigned' or 'pending',
    agent = agent and agent.name or nil,
    agent_id = agent and agent.id or nil,
    role = a.role,
    tags = some(a.tags),
    depends_on = some(needs),
    parent_id = parent and parent.id or nil,
    created_by = a.by,
    created_at = a.created_at,
    updated_at = a.updated_at,
    started_at = a.started_at,
  })
  tx.zadd('tasks', task.seq, task.id)
  for _, ref in ipairs(waits_for) do
    tx.sadd('blockers:' .. task.id, ref)
    tx.zadd('dependents:' .. ref, task.seq, task.id)
  end
  tx.index(task)
  tx.note(task, 'add', nil, a.by)
  bring_there(a, task, broken)
  task.updated_at = a.updated_at
  if closed then
    task.closed_at = a.closed_at
  end
  if task.state == 'assigned' and agent then
    tx.wake(agent)
  elseif task.state == 'pending' then
    tx.ring_all()
  end
  return { task = task, made = true }
end)

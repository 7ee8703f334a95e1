-- What a task waits for and is a part of, changed afterwards. Twin of helpers in `storage/memory/verbs/edits.py`.

local FOLLOWED = 10000 -- so many tasks are looked at for a circle; a larger plan is refused, because nobody knows
local ENDED_BADLY = { failed = true, cancelled = true }

-- Refuse a parent that is the task, or a part of it.
function tx.no_own_part(task, parent)
  local above, path = tx.load('task', parent), { task.id }
  while above and #path <= FOLLOWED do
    path[#path + 1] = above.id
    if above.id == task.id then
      tx.refuse('parent_cycle', { detail = 'a task would be a part of itself: ' .. table.concat(path, ' -> ') })
    end
    above = tx.load('task', above.parent_id)
  end
end

-- Refuse dependencies that depend on the task themselves.
local function no_circle(ref, added)
  local came, queue, at = {}, {}, 1
  for _, needed in ipairs(added) do
    came[needed] = ref
    queue[#queue + 1] = needed
  end
  while queue[at] do
    if queue[at] == ref then
      local path, back = ref, came[ref]
      while back ~= ref do
        path, back = back .. ' -> ' .. path, came[back]
      end
      tx.refuse('dependency_cycle', { detail = 'tasks would wait for each other: ' .. ref .. ' -> ' .. path })
    end
    for _, needed in ipairs(tx.smembers('blockers:' .. queue[at])) do
      if not came[needed] then
        came[needed] = queue[at]
        queue[#queue + 1] = needed
      end
    end
    if #queue > FOLLOWED then
      tx.refuse('too_many', { detail = 'task `' .. ref .. '` would wait for more than ' .. FOLLOWED .. ' tasks' })
    end
    at = at + 1
  end
end

-- The state and the reason of a task that waits for other tasks than before.
local function after_rewiring(task, needs)
  local left, reason = tx.smembers('blockers:' .. task.id), task.reason
  local failed = (reason or ''):match('^dependency_failed: (.*)$')
  if task.state == 'blocked' and (not failed or tx.has(needs, failed)) then
    return 'blocked', reason
  end
  for _, needed in ipairs(left) do
    local other = tx.load('task', needed)
    if other and ENDED_BADLY[other.state] then
      return 'blocked', 'dependency_failed: ' .. needed
    end
  end
  if #left > 0 then
    return 'waiting', nil
  end
  return some(task.agent_id) and 'assigned' or 'pending', nil
end

-- Let a task wait for other tasks than before; gives its state and its reason after that.
function tx.rewire(task, needs)
  local before, added = task.depends_on or {}, {}
  for _, needed in ipairs(needs) do
    if not tx.has(before, needed) then
      added[#added + 1] = needed
      local state = tx.find('task', needed).state
      if ENDED_BADLY[state] then
        tx.refuse('dependency_failed', {
          detail = 'task `' .. needed .. '` is ' .. state .. ', so nothing can depend on it',
          hint = '`tt task reopen ' .. needed .. '` first',
        })
      end
    end
  end
  no_circle(task.id, added)
  for _, needed in ipairs(before) do
    if not tx.has(needs, needed) then
      tx.srem('blockers:' .. task.id, needed)
      tx.zrem('dependents:' .. needed, task.id)
    end
  end
  for _, needed in ipairs(added) do
    if tx.find('task', needed).state ~= 'completed' then
      tx.sadd('blockers:' .. task.id, needed)
      tx.zadd('dependents:' .. needed, task.seq, task.id)
    end
  end
  return after_rewiring(task, needs)
end

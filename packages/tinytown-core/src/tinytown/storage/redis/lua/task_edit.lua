-- Change the text, role, tags, dependencies or parent of an open task that no round works on.
-- ARGS: task, set, from; optional seen, round_id, by
-- REPLY: task
-- ERRORS: stale_round, people_only, not_found, ambiguous, wrong_state, edit_conflict, parent_cycle, dependency_failed,
--   dependency_cycle, too_many
-- USES: writes ranges rules acts moves rewire
local FIELDS = { 'description', 'role', 'tags', 'depends_on', 'parent_id' }

-- Are two texts, or two lists of texts, the same? Nothing, an empty text and an empty list are.
local function same(one, other)
  one, other = some(one), some(other)
  if type(one) ~= 'table' or type(other) ~= 'table' then
    return one == other
  end
  for at = 1, math.max(#one, #other) do
    if one[at] ~= other[at] then
      return false
    end
  end
  return true
end

-- A field with whole ids in it.
local function wanted(name, value)
  if name == 'depends_on' then
    local found = {}
    for _, ref in ipairs(value) do
      local needed = tx.resolve('task', ref)
      if not tx.has(found, needed) then
        found[#found + 1] = needed
      end
    end
    return found
  end
  return name == 'parent_id' and some(value) and tx.resolve('task', value) or value
end

return tx.run('task_edit', function(a)
  local by = tx.person(a, 'edit')
  local task = tx.find('task', a.task)
  local changed, changes, seen = {}, {}, some(a.seen) or {}
  for _, name in ipairs(FIELDS) do
    if a.set[name] ~= nil then
      local value = wanted(name, a.set[name])
      if not same(value, task[name]) then
        changed[#changed + 1] = name
        changes[name] = value
      end
    end
  end
  if #changed == 0 then
    return { task = task }
  end
  tx.check(a, 'task', task, 'edit')
  for _, name in ipairs(changed) do
    if seen[name] ~= nil and not same(seen[name], task[name]) then
      tx.refuse('edit_conflict', {
        detail = 'the ' .. name .. ' of task `' .. task.id .. '` has changed since it was read',
        hint = 'look at it with `tt task show ' .. task.id .. '`',
      })
    end
  end
  if changes.parent_id then
    tx.no_own_part(task, changes.parent_id)
  end
  local state, reason = task.state, task.reason
  if changes.depends_on then
    state, reason = tx.rewire(task, changes.depends_on)
  end
  for _, name in ipairs(changed) do
    changes[name] = some(changes[name]) or NONE
  end
  changes.reason, changes.history_said = reason, table.concat(changed, ', ')
  tx.move(a, task, 'edit', state, by, changes)
  return { task = task }
end)

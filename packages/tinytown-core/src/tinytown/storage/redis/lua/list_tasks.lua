-- List tasks by creation, one page; it is full while there are more.
-- ARGS: limit; optional state, agent, after
-- REPLY: items, next
-- ERRORS: not_found, ambiguous
-- USES: ranges rules views pages
local CLOSED, OPEN_AT_ONCE = { 'completed', 'failed', 'cancelled' }, 500

-- Go through the open tasks of an agent until enough are in a state.
local function open_in(agent, state, most, after)
  local found, key = {}, 'mine:' .. agent
  while #found < most do
    local some_refs = tx.zrange(key, OPEN_AT_ONCE, after)
    for _, ref in ipairs(some_refs) do
      if #found < most and tx.zscore('tasks:' .. state, ref) then
        found[#found + 1] = ref
      end
    end
    if #some_refs < OPEN_AT_ONCE then
      break
    end
    after = tx.zscore(key, some_refs[#some_refs])
  end
  return found
end

-- An agent's tasks by creation: open ones, closed ones, or both.
local function of_agent(agent, state, most, after)
  if tx.has(CLOSED, state) then
    return tx.zrange('done:' .. agent .. ':' .. state, most, after)
  elseif state == 'open' then
    return tx.zrange('mine:' .. agent, most, after)
  elseif state == 'assigned' then
    return tx.zrange('queue:' .. agent, most, after)
  elseif state then
    return open_in(agent, state, most, after)
  end
  local rows, found = {}, {}
  for _, key in ipairs({ 'mine:' .. agent, 'done:' .. agent .. ':completed', 'done:' .. agent .. ':failed',
    'done:' .. agent .. ':cancelled' }) do
    for _, ref in ipairs(tx.zrange(key, most, after)) do
      rows[#rows + 1] = { tx.zscore(key, ref), ref }
    end
  end
  table.sort(rows, function(one, other) return one[1] < other[1] end)
  for at = 1, math.min(most, #rows) do
    found[at] = rows[at][2]
  end
  return found
end

return tx.run('list_tasks', function(a)
  local state, most, found, last = some(a.state), a.limit + 1, nil, nil
  if some(a.agent) then
    found = of_agent(tx.resolve('agent', a.agent), state, most, a.after)
  else
    found = tx.zrange(state and 'tasks:' .. state or 'tasks', most, a.after)
  end
  if #found > a.limit then
    found[#found] = nil
    last = tx.zscore('tasks', found[#found])
  end
  return { items = tx.load_all('task', found), next = last }
end)

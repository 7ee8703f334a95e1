-- The queue of what needs a person, by how much open work each item holds up. Twin of
-- `storage/memory/verbs/attention.py`. Needs ranges and rules.

local RANKED, FOLLOWED, MOST, SPAN, AGENTS_LOOKED_AT = 1000, 5000, 999, 10000000000, 1000
local CLOSED = { completed = true, failed = true, cancelled = true }
local OF_AGENTS = { auth_required = true, start_failed = true, agent_error = true, disk_full = true }
local counting = { left = FOLLOWED, agents = nil }

-- Count tasks together with all open ones that depend on them, directly or not.
function tx.with_dependents(refs)
  local seen, count, todo, at = {}, 0, {}, 1
  for _, ref in ipairs(refs) do
    seen[ref], count, todo[#todo + 1] = true, count + 1, ref
  end
  while at <= #todo and counting.left > 0 and count <= MOST do
    for _, ref in ipairs(tx.zrange('dependents:' .. todo[at], counting.left)) do
      counting.left = counting.left - 1
      local task = tx.load('task', ref)
      if task and not CLOSED[task.state] and not seen[ref] then
        seen[ref], count, todo[#todo + 1] = true, count + 1, ref
      end
    end
    at = at + 1
  end
  return count
end

-- The mail that would start a round of an agent, its tasks but for blocked ones, and what depends on those.
function tx.held_of_agent(ref)
  local mine = {}
  for _, each in ipairs(counting.left > 0 and tx.zrange('mine:' .. ref, counting.left) or {}) do
    counting.left = counting.left - 1
    local task = tx.load('task', each)
    if task and task.state ~= 'blocked' then
      mine[#mine + 1] = each
    end
  end
  return tx.scard('waking:' .. ref) + tx.with_dependents(mine)
end

-- The agent and, where a log-in is missing, all that use the same account.
function tx.sharing(kind, ref)
  local agent, found = tx.load('agent', ref), {}
  local account = agent and kind == 'auth_required' and some(agent.account)
  if not account then
    return { ref }
  end
  counting.agents = counting.agents or tx.load_all('agent', tx.zrange('agents', AGENTS_LOOKED_AT))
  for _, each in ipairs(counting.agents) do
    if each.account == account then
      found[#found + 1] = each.id
    end
  end
  return found
end

-- How many open tasks and messages cannot go on before an item is settled.
function tx.held_by(item)
  local kind, ref, count = item.kind, item.ref, 0
  if kind == 'budget_spent' then
    return tx.zcard('tasks:assigned') + tx.zcard('tasks:pending') + tx.zcard('tasks:waiting')
  elseif kind == 'mail_loop' then
    return tx.zcard('lane:' .. ref .. ':urgent') + tx.zcard('lane:' .. ref .. ':normal')
  elseif OF_AGENTS[kind] then
    for _, each in ipairs(tx.sharing(kind, ref)) do
      count = count + tx.held_of_agent(each)
    end
    return count
  end
  local task = tx.load('task', ref)
  if not task then
    return 0
  end
  return tx.with_dependents({ ref }) - (CLOSED[task.state] and 1 or 0)
end

-- Items of some ids with their places in the order; what they hold up counts there if `ranked`.
function tx.queued(refs, ranked)
  local rows = {}
  for _, item in ipairs(tx.load_all('attention', refs)) do
    local blocks = math.min(MOST, tx.held_by(item))
    local place = (MOST - (ranked and blocks or 0)) * SPAN + item.seq
    rows[#rows + 1] = { place, setmetatable({ item, { blocks = blocks } }, VIEW) }
  end
  return rows
end

-- One page of the queue, and where the next begins (nil at the end).
function tx.queue_page(limit, after)
  after = after or 0
  local oldest = tx.zrange('attention', RANKED)
  local rows, items, last = {}, {}, nil
  for _, row in ipairs(tx.queued(oldest, true)) do
    if row[1] > after then
      rows[#rows + 1] = row
    end
  end
  table.sort(rows, function(one, other)
    return one[1] < other[1]
  end)
  if #rows <= limit and #oldest == RANKED then
    local behind = math.max(tx.zscore('attention', oldest[RANKED]) or 0, after - MOST * SPAN)
    for _, row in ipairs(tx.queued(tx.zrange('attention', limit + 1 - #rows, behind), false)) do
      rows[#rows + 1] = row
    end
  end
  for at = 1, math.min(limit, #rows) do
    items[at] = rows[at][2]
  end
  if #rows > limit then
    last = rows[limit][1]
  end
  return items, last
end

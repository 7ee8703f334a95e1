-- Whether open tasks and agents can move without a person. Twin of `storage/memory/verbs/waiting.py`.
-- Needs ranges and rules.

local AGENTS_LOOKED_AT, BACKLOG_LOOKED_AT, FOLLOWED, LISTED, LONGEST_WAIT = 1000, 1000, 100, 20, 3600000
local judge = { left = FOLLOWED, seen = {}, because = {}, noted = {}, wide = false, agents = nil }

-- Keep an id whose events may change the judgement.
function tx.note_because(ref)
  if not judge.noted[ref] and #judge.because <= FOLLOWED then
    judge.noted[ref] = true
    judge.because[#judge.because + 1] = ref
  end
end

-- A node that lives and starts rounds; the lock of the asking machine's own node decides there. A beat of the future is
-- of a clock that has gone back since, and says nothing.
function tx.node_works(a, node_id)
  local node = tx.load('node', node_id)
  if some(node_id) and node_id == a['local'] then
    return some(a.runs) ~= nil and (not node or node.state ~= 'stopping')
  end
  return node ~= nil and node.state == 'up' and math.abs(tx.now - node.beat_at) <= a.lost_ms
end

function tx.any_node_works(a)
  if tx.node_works(a, a['local']) then
    return true
  end
  for _, ref in ipairs(tx.smembers('nodes')) do
    if tx.node_works(a, ref) then
      return true
    end
  end
  return false
end

-- Whether the default scheduler may give a task of the backlog to an agent.
function tx.fits(a, agent, task)
  if not some(agent.cli) then
    return false
  elseif some(task.role) then
    return task.role == agent.role
  end
  return not tx.has(a.apart or {}, agent.role) or tx.has(task.tags or {}, agent.role)
end

-- A task of the backlog moves when an agent that fits may take it, now or when it is idle.
function tx.may_be_claimed(a, task)
  if not tx.any_node_works(a) or not some(a.auto_claim) then
    return false
  end
  judge.agents = judge.agents or tx.load_all('agent', tx.zrange('agents', AGENTS_LOOKED_AT))
  local able = false
  for _, agent in ipairs(judge.agents) do
    local state = agent.state
    if tx.fits(a, agent, task) and agent.wanted == 'run' and state ~= 'stopped' and state ~= 'error' then
      able = true
      if state == 'idle' and not tx.has_work(agent) then
        return tx.node_works(a, agent.node)
      end
    end
  end
  return able
end

-- An agent or a task that waits after failures.
function tx.backs_off(record)
  local not_before = record.not_before or 0
  return tx.now < not_before and not_before <= tx.now + LONGEST_WAIT
end

-- An idle agent may need a log-in or money, or have talked too much.
function tx.idle_begins(agent, task)
  local account = 'parked:' .. (some(agent.account) or agent.id)
  local till = tonumber(tx.hget(account, 'until'))
  if till and till <= tx.now then
    if till == 0 then
      return false
    elseif some(tx.hget(account, 'probe')) then
      return true
    end
  end
  if (till and till > tx.now) or tx.backs_off(agent) or (task and tx.backs_off(task)) then
    return true
  elseif not task and tx.scard('waking:' .. agent.id) == 0 then
    return true
  elseif some(tx.hget('attention_by', 'budget_spent:town')) then
    return false
  end
  return task ~= nil or not some(tx.hget('attention_by', 'mail_loop:' .. agent.id))
end

-- Whether an agent works, or will without a person's help: on a task, or on its mail.
function tx.can_begin(a, agent, task)
  tx.note_because(agent.id)
  if agent.id == CONDUCTOR_ID then
    return tx.scard('waking:' .. CONDUCTOR_ID) == 0
  end
  local live, state, wanted = some(agent.round_id), agent.state, agent.wanted
  if state == 'error' or (not live and (state == 'stopped' or wanted == 'stopped')) then
    return false
  elseif not tx.node_works(a, agent.node) then
    return false
  elseif live then
    tx.note_because(live)
    return true
  elseif wanted == 'paused' then
    return false
  end
  return state ~= 'idle' or tx.idle_begins(agent, task)
end

-- A waiting task moves while everything that it waits for does.
function tx.may_be_freed(a, task)
  if judge.seen[task.id] == nil then
    local needed, all = 0, true
    for _, other in ipairs(tx.load_all('task', tx.smembers('blockers:' .. task.id))) do
      if other.state ~= 'completed' then
        needed = needed + 1
        if judge.left <= 0 then
          break
        end
        judge.left = judge.left - 1
        if not tx.moves(a, other) then
          all = false
          break
        end
      end
    end
    if needed == 0 then
      all = tx.any_node_works(a)
    end
    judge.seen[task.id] = all
  end
  return judge.seen[task.id]
end

-- Whether a task can move without a person.
function tx.moves(a, task)
  tx.note_because(task.id)
  local state = task.state
  if state == 'blocked' then
    return false
  elseif state == 'waiting' then
    return tx.may_be_freed(a, task)
  elseif state == 'pending' then
    judge.wide = true
    return tx.may_be_claimed(a, task)
  elseif state == 'assigned' then
    local agent = tx.load('agent', task.agent_id)
    return agent ~= nil and tx.can_begin(a, agent, task)
  elseif state == 'running' then
    local live = tx.load('round', task.round_id)
    return live ~= nil and tx.node_works(a, live.node)
  elseif state == 'verifying' then
    local known = some(task.order) or some(task.round_id) or some(task.gates_left)
    return known ~= nil and tx.node_works(a, task.gate_node)
  end
  return true
end

-- How many tasks of the backlog an agent may take by itself.
function tx.claimable(a, agent)
  if not some(agent.cli) then
    return 0
  end
  local count = tx.zcard('backlog:' .. agent.role)
  if not tx.has(a.apart or {}, agent.role) then
    return count + tx.zcard('backlog:')
  end
  for _, task in ipairs(tx.load_all('task', tx.zrange('backlog:', BACKLOG_LOOKED_AT))) do
    count = count + (tx.has(task.tags or {}, agent.role) and 1 or 0)
  end
  return count
end

-- Judge open tasks up to the first that moves; without a task, the agent itself. The answer goes into `found`.
function tx.judge(a, refs, whole, found)
  local stuck, count = {}, 0
  for _, ref in ipairs(refs) do
    local task = tx.load('task', ref)
    if task and tx.moves(a, task) then
      found.moving = ref
      break
    elseif task then
      count = count + 1
      if count <= LISTED then
        stuck[count] = ref
      end
    end
  end
  if #refs == 0 then
    local agent = tx.load('agent', whole)
    found.moving = agent and tx.can_begin(a, agent, nil) and whole or nil
    stuck, count = { whole }, 1
  end
  if found.moving then
    stuck, count = {}, 0
  end
  found.stuck, found.stuck_total, found.because, found.wide = stuck, count, judge.because, judge.wide
  return found
end

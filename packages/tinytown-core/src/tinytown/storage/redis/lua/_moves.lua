-- Moving a task from state to state: its indexes, its history, its dependents. Nothing else writes a task's state.
-- Twin of `storage/memory/moves.py`.

local DEPENDENTS_AT_ONCE = 100
local CLOSED = { completed = true, failed = true, cancelled = true }
local PAST = {
  add = 'task.added', ready = 'task.ready', assign = 'task.assigned', start = 'task.started',
  submit = 'task.submitted', release = 'task.released', pass = 'task.passed', reject = 'task.rejected',
  block = 'task.blocked', unblock = 'task.unblocked', fail = 'task.failed', requeue = 'task.requeued',
  cancel = 'task.cancelled', reopen = 'task.reopened', edit = 'task.edited',
}

-- The index of its agent that a task stands in: of open ones, or of closed ones of its state.
function tx.index_of_agent(task)
  local agent, state = task.agent_id, task.state
  return CLOSED[state] and 'done:' .. agent .. ':' .. state or 'mine:' .. agent
end

-- Put a task into the indexes of its state.
function tx.index(task)
  local state, seq, ref = task.state, task.seq, task.id
  tx.zadd('tasks:' .. state, seq, ref)
  if some(task.agent_id) then
    tx.zadd(tx.index_of_agent(task), seq, ref)
  end
  if state == 'pending' then
    tx.zadd('backlog:' .. (task.role or ''), seq, ref)
  elseif state == 'assigned' then
    tx.zadd('queue:' .. task.agent_id, seq, ref)
  elseif state == 'verifying' then
    tx.zadd('verify:' .. task.gate_node, some(task.not_before) or seq, ref)
    tx.bell(task.gate_node)
  end
end

-- Take a task out of the indexes of its state.
function tx.unindex(task)
  local state, ref = task.state, task.id
  tx.zrem('tasks:' .. state, ref)
  if some(task.agent_id) then
    tx.zrem(tx.index_of_agent(task), ref)
  end
  if state == 'pending' then
    tx.zrem('backlog:' .. (task.role or ''), ref)
  elseif state == 'assigned' then
    tx.zrem('queue:' .. task.agent_id, ref)
  elseif state == 'verifying' then
    tx.zrem('verify:' .. task.gate_node, ref)
  end
end

-- Write one line of a task's history and the event of it.
function tx.note(task, verb, old, by, reason, round_id)
  local acting = tx.acting and tx.acting.agent == by and tx.acting.agent_id or nil
  tx.push('history:' .. task.id, {
    at = tx.now, verb = verb, old = old, new = task.state, by = by, by_id = acting, reason = reason,
    round_id = round_id,
  })
  local fields = {
    task_id = task.id, agent_id = task.agent_id, round_id = round_id, mission_id = task.mission_id,
    old = old, new = task.state, detail = reason,
  }
  if verb ~= 'pass' or task.state ~= 'completed' then
    tx.event(PAST[verb], fields)
  end
  if task.state == 'completed' then
    tx.event('task.completed', fields)
  end
end

-- Wake every node that is not down: one of them has something new to do.
function tx.ring_all()
  for _, node in ipairs(tx.load_all('node', tx.smembers('nodes'))) do
    if node.state ~= 'down' then
      tx.bell(node.id)
    end
  end
end

-- One question for all tasks that a failed or cancelled one holds up.
function tx.ask_about_failure(ref)
  local cause = tx.load('task', ref)
  if cause then
    cause.holds = (cause.holds or 0) + 1
    local words = 'task `' .. ref .. '` is ' .. cause.state .. ', and what depends on it cannot go on'
    tx.open_attention('dependency_failed', ref, words, { 'tt task reopen ' .. ref, 'tt why ' .. ref })
  end
end

-- Close the question about a task that is no longer blocked for its reason; one about a failure is of many tasks.
function tx.ask_no_more(task, old, reason)
  local before = some(task.reason) or ''
  local asked, failed = tx.typed(before), before:match('^dependency_failed: (.*)$')
  if old == 'blocked' and failed and before ~= reason then
    local cause = tx.load('task', failed)
    if cause then
      cause.holds = math.max(0, (cause.holds or 0) - 1)
      if cause.holds == 0 then
        tx.close_attention('dependency_failed', failed, 'answered', cause.answer)
      end
    end
  elseif old == 'blocked' and not failed and asked ~= tx.typed(reason) then
    tx.close_attention(asked, task.id, 'answered', task.answer)
  end
  failed = reason:match('^dependency_failed: (.*)$')
  if failed and before ~= reason then
    tx.ask_about_failure(failed)
  end
end

-- Do one row of the task's table. `changes` are fields to change with it, NONE to clear one; `agent` is a record or
-- NONE; `history_round` goes into the history alone, `reason` too, unless `history_said` stands for it there.
function tx.move(a, task, verb, state, by, changes)
  changes = changes or {}
  tx.check(a, 'task', task, verb)
  local old, agent, round_id, said = task.state, changes.agent, changes.history_round, changes.history_said
  changes.agent, changes.history_round, changes.history_said = nil, nil, nil
  tx.unindex(task)
  if agent == NONE then
    task.agent, task.agent_id = nil, nil
  elseif agent then
    task.agent, task.agent_id = agent.name, agent.id
  end
  tx.ask_no_more(task, old, some(changes.reason) or '')
  task.reason = nil
  task.state, task.updated_at = state, tx.now
  tx.update(task, changes)
  local closed = CLOSED[state]
  task.closed_at = closed and tx.now or nil
  tx.index(task)
  tx.note(task, verb, old, by, said or task.reason, round_id)
  if state == 'assigned' then
    local taker = tx.load('agent', task.agent_id)
    if taker then
      tx.wake(taker, task.not_before or 0)
    end
  elseif state == 'pending' then
    tx.ring_all()
  end
  if closed or (verb == 'reopen' and (old == 'failed' or old == 'cancelled')) then
    tx.settle_dependents(a, task, nil)
  end
end

-- Block a task with a typed reason, and ask a person about it.
function tx.block(a, task, reason, by, quietly, round_id)
  tx.move(a, task, 'block', 'blocked', by, { reason = reason, history_round = round_id })
  if not quietly then
    local kind, words = tx.typed(reason)
    words = words:match('^%s*(.-)%s*$')
    tx.open_attention(kind, task.id, some(words) or kind, {
      'tt task unblock ' .. task.id, 'tt task requeue ' .. task.id, 'tt task cancel ' .. task.id,
    })
  end
end

-- Tell one task that what it waits for is closed or open again.
function tx.settle_dependent(a, task, dependent)
  local failure = 'dependency_failed: ' .. task.id
  if task.state == 'completed' then
    tx.srem('blockers:' .. dependent.id, task.id)
    tx.zrem('dependents:' .. task.id, dependent.id)
    if dependent.state == 'waiting' and tx.scard('blockers:' .. dependent.id) == 0 then
      tx.move(a, dependent, 'ready', some(dependent.agent_id) and 'assigned' or 'pending', 'town')
    end
  elseif task.state == 'failed' or task.state == 'cancelled' then
    if dependent.state == 'waiting' then
      tx.block(a, dependent, failure, 'town', true)
    end
  elseif dependent.state == 'blocked' and dependent.reason == failure then
    tx.move(a, dependent, 'unblock', 'waiting', 'town')
  end
end

-- Tell the tasks that wait for this one; the rest beyond a hundred stands in `freed` for any node to go on with.
function tx.settle_dependents(a, task, after)
  local key, last = 'dependents:' .. task.id, after
  local found = tx.zrange(key, DEPENDENTS_AT_ONCE + 1, after)
  for at = 1, math.min(#found, DEPENDENTS_AT_ONCE) do
    last = tx.zscore(key, found[at])
    local dependent = tx.load('task', found[at])
    if dependent then
      tx.settle_dependent(a, task, dependent)
    end
  end
  if #found > DEPENDENTS_AT_ONCE then
    tx.zadd('freed', last or 0, task.id)
    tx.ring_all()
  else
    tx.zrem('freed', task.id)
  end
end

-- Changes with the counters that a person's decision sets back.
function tx.fresh_start(changes)
  changes = changes or {}
  changes.crashes, changes.reminders, changes.contexts, changes.gate_tries = 0, 0, 0, 0
  changes.rejections, changes.rounds, changes.not_before = 0, 0, 0
  return changes
end

-- Record what a person wants of a task whose round goes on; says whether there is such a round.
-- The node ends the round, and the script that records its end applies the order.
function tx.order(a, task, verb, by, wish)
  if not some(task.round_id) or not tx.request_end(task.round_id, 'order') then
    return false
  end
  tx.check(a, 'task', task, verb)
  local ordered = { verb = verb, by = by }
  tx.update(ordered, wish)
  task.order, task.updated_at = ordered, tx.now
  tx.push('history:' .. task.id, { at = tx.now, verb = 'order ' .. verb, by = by })
  tx.event('task.ordered', { task_id = task.id, round_id = task.round_id, detail = verb })
  return true
end

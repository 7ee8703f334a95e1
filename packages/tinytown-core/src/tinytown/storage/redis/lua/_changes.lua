-- What a person or an agent can do to a task, as it is applied: at once, or by the script that ends a round.
-- Twin of `storage/memory/changes.py`. Needs moves.

tx.CHANGES = {} -- by the verb's name, for orders and verdicts: (a, task, want, by)

-- An agent that may be given work; one that ends or has ended may not.
function tx.working_agent(ref)
  local agent = tx.present(ref)
  local name, wanted = agent.name, agent.wanted
  if agent.role == 'conductor' and not some(agent.node) then
    tx.refuse('not_assignable', {
      detail = 'the conductor takes no tasks', hint = 'use `tt send conductor` to tell a person',
    })
  end
  if wanted == 'stopped' or wanted == 'draining' or agent.state == 'stopped' then
    tx.refuse('agent_ends', {
      detail = 'agent `' .. name .. '` is ' .. (wanted == 'run' and 'stopped' or wanted) .. ' and takes no new work',
      hint = 'start it again with `tt restart ' .. name .. '`, or choose another agent',
    })
  end
  return agent
end

-- Give a task to an agent; one that waits only gets the name.
function tx.CHANGES.assign(a, task, want, by)
  local agent = tx.working_agent(want.agent)
  if tx.scard('blockers:' .. task.id) > 0 then
    tx.move(a, task, 'assign', 'waiting', by, { agent = agent })
    return
  end
  local changes = { agent = agent }
  if task.state == 'blocked' or task.state == 'running' then
    tx.fresh_start(changes)
  end
  tx.move(a, task, 'assign', 'assigned', by, changes)
end

-- Put a task back into the backlog, where it is nobody's.
function tx.CHANGES.requeue(a, task, _, by)
  if tx.scard('blockers:' .. task.id) > 0 then
    tx.refuse('dependency_open', {
      detail = 'task `' .. task.id .. '` depends on a task that is not completed',
      hint = '`tt why ' .. task.id .. '` names it',
    })
  end
  tx.move(a, task, 'requeue', 'pending', by, tx.fresh_start({ agent = NONE, gates_left = NONE }))
end

function tx.CHANGES.cancel(a, task, want, by)
  tx.move(a, task, 'cancel', 'cancelled', by, { reason = want.reason, gates_left = NONE })
end

function tx.CHANGES.fail(a, task, want, by)
  tx.move(a, task, 'fail', 'failed', by, { reason = want.reason, gates_left = NONE })
end

function tx.CHANGES.block(a, task, want, by)
  tx.block(a, task, want.reason, by)
end

-- Count a completed task for its agent.
function tx.count_completed(task)
  local agent = tx.load('agent', task.agent_id)
  if agent then
    agent.tasks_completed = (agent.tasks_completed or 0) + 1
  end
end

-- Claim that a task is done: to its gates, or completed where none applies.
function tx.CHANGES.submit(a, task, want, by)
  for _, needed in ipairs(tx.smembers('blockers:' .. task.id)) do -- what is done waits for nothing any more
    tx.srem('blockers:' .. task.id, needed)
    tx.zrem('dependents:' .. needed, task.id)
  end
  local gates, evidence = some(want.gates), task.evidence
  if some(want.no_gates) then
    evidence = tx.join(evidence or {}, { { kind = 'no_gates', by = by, at = tx.now } })
  end
  local changes = {
    result = want.result or NONE, evidence = evidence or NONE, findings = NONE, head = want.head or NONE,
    gates_left = NONE,
  }
  if gates and not some(want.no_gates) then
    tx.update(changes, { gates_left = gates, gate_node = want.gate_node, gate_tries = 0, not_before = 0 })
    tx.move(a, task, 'submit', 'verifying', by, changes)
    return
  end
  tx.move(a, task, 'submit', 'completed', by, changes)
  tx.count_completed(task)
end

-- The agent that goes on with a rejected task, or nil if it has stopped.
function tx.back_to_author(task)
  local agent = tx.load('agent', task.agent_id)
  if not agent or agent.wanted == 'stopped' or (agent.state == 'stopped' and not tx.has_work(agent)) then
    return nil
  end
  return agent
end

-- Send a closed task where it belongs: waiting, to its agent, or to the backlog.
function tx.reopen(a, task, by)
  local agent = tx.back_to_author(task)
  local state = tx.scard('blockers:' .. task.id) > 0 and 'waiting' or agent and 'assigned' or 'pending'
  local changes = tx.fresh_start({ agent = agent or NONE, result = NONE, findings = NONE, answer = NONE })
  tx.move(a, task, 'reopen', state, by, changes)
end

-- Send a blocked task where it belongs: waiting, to its gate, to its agent, or to the backlog.
function tx.unblock(a, task, answer, by)
  local reason, state = task.reason or '', 'pending'
  if some(answer) then
    task.answer = answer
  end
  if tx.scard('blockers:' .. task.id) > 0 then
    state = 'waiting'
  elseif reason:sub(1, 16) == 'gate_unavailable' and some(task.gates_left) then
    state = 'verifying'
  elseif some(task.agent_id) then
    state = 'assigned'
  end
  tx.move(a, task, 'unblock', state, by, tx.fresh_start())
end

-- Begin the next gate of a task that verifies; the same round id gives the same answer again.
-- ARGS: round_id, task_id, node_id, nonce, max_backoff_ms; optional head, workspace
-- REPLY: round, task; or nothing: not_verifying, later
-- ERRORS: stale_round, stale_node
-- USES: writes ranges rules acts
return tx.run('gate_take', function(a)
  local known = tx.load('round', a.round_id)
  if known then
    if known.kind ~= 'gate' or known.task_id ~= a.task_id then
      tx.refuse('stale_round', { round_id = known.id, detail = 'it is not a gate of `' .. a.task_id .. '`' })
    end
    return { round = known, task = tx.load('task', known.task_id) }
  end
  tx.owner(a)
  local task = tx.load('task', a.task_id)
  local mine = task and task.state == 'verifying' and task.gate_node == a.node_id
  if not mine or some(task.round_id) or not some(task.gates_left) then
    tx.zrem('verify:' .. a.node_id, a.task_id)
    return { nothing = 'not_verifying' }
  end
  local wait_until = task.not_before or 0
  if wait_until > tx.now and wait_until - tx.now <= a.max_backoff_ms then
    return { nothing = 'later' }
  end
  task.head = some(a.head) or task.head
  local live = tx.make('round', a.round_id, {
    agent = task.agent,
    agent_id = task.agent_id,
    kind = 'gate',
    state = 'live',
    gate = task.gates_left[1].name,
    task_id = task.id,
    attempt = task.attempt,
    node = a.node_id,
    workspace = a.workspace,
    head_before = task.head,
    started_at = tx.now,
  })
  tx.sadd('live', live.id)
  tx.zrem('verify:' .. a.node_id, task.id)
  task.round_id = live.id
  tx.event('gate.started', { round_id = live.id, task_id = task.id, detail = live.gate, new = 'live' })
  return { round = live, task = task }
end)

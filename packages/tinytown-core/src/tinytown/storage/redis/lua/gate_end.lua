-- Record how a gate ended: pass, reject, unavailable or lost. The same end again changes nothing.
-- ARGS: round_id, node_id, nonce, from, result, limits; evidence (pass), findings (reject); optional outcome, detail,
--       exit_code, log, workspace, head_after
-- REPLY: round, task
-- ERRORS: not_found, ambiguous, stale_round, stale_node
-- USES: writes ranges rules acts moves changes ends
local PAST = { pass = 'gate.passed', reject = 'gate.failed', unavailable = 'gate.unavailable', lost = 'gate.lost' }

local function judge(a, live, task)
  local by, result = 'gate ' .. live.gate, a.result
  if result == 'pass' then
    local left, evidence = {}, tx.join(task.evidence or {}, { a.evidence })
    for at = 2, #task.gates_left do
      left[at - 1] = task.gates_left[at]
    end
    if #left > 0 then
      local changes = { gates_left = left, evidence = evidence, gate_tries = 0, not_before = 0 }
      tx.move(a, task, 'pass', 'verifying', by, changes)
    else
      tx.move(a, task, 'pass', 'completed', by, { gates_left = NONE, evidence = evidence })
      tx.count_completed(task)
    end
  elseif result == 'reject' then
    tx.reject(a, task, a.findings, by)
  elseif result == 'lost' then
    tx.index(task)
  else
    local tries = (task.gate_tries or 0) + 1
    task.gate_tries = tries
    if tries >= a.limits.gate_tries then
      tx.block(a, task, 'gate_unavailable: `' .. live.gate .. '`: ' .. (some(a.detail) or 'it could not run'), by)
    else
      task.not_before = tx.now + a.limits.backoff_ms * 2 ^ (tries - 1)
      tx.index(task)
    end
  end
end

return tx.run('gate_end', function(a)
  local live = tx.find('round', a.round_id)
  if live.kind ~= 'gate' then
    tx.refuse('stale_round', { round_id = live.id, detail = 'it is not the round of a gate' })
  end
  local task = tx.load('task', live.task_id)
  if live.state == 'ended' then
    return { round = live, task = task }
  end
  tx.owner(a)
  for _, key in ipairs({ 'outcome', 'detail', 'exit_code', 'log', 'workspace', 'head_after' }) do
    if a[key] ~= nil then
      live[key] = a[key]
    end
  end
  live.state, live.ended_at = 'ended', tx.now
  tx.srem('live', live.id)
  tx.srem('ends:' .. live.node, live.id)
  tx.event(PAST[a.result], {
    round_id = live.id, task_id = live.task_id, detail = live.gate, old = 'live', new = 'ended',
  })
  if task and task.round_id == live.id then
    task.round_id = nil
    local ordered = some(task.order)
    if ordered then
      task.order = nil
      tx.apply_order(a, task, ordered)
    else
      judge(a, live, task)
    end
  end
  return { round = live, task = task }
end)

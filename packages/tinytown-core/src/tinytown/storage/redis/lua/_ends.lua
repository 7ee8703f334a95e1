-- What the ends of a round and of a gate share. Twin of helpers in `storage/memory/verbs/round_end.py`.
-- Needs moves and changes.

-- The first characters of a text, never half of one.
function tx.cut(whole, count)
  if #whole <= count then
    return whole
  end
  local at = 1
  for _ = 1, count do
    at = whole:find('[^\128-\191]', at + 1)
    if not at then
      return whole
    end
  end
  return whole:sub(1, at - 1)
end

-- Apply what a person wanted while the round went on; an agent that has ended meanwhile means the backlog.
function tx.apply_order(a, task, ordered)
  local verb = ordered.verb
  if verb == 'assign' then
    local agent = tx.load('agent', ordered.agent)
    local wanted = agent and agent.wanted
    if not agent or wanted == 'stopped' or wanted == 'draining' or agent.state == 'stopped' then
      verb = 'requeue'
    end
  end
  tx.CHANGES[verb](a, task, ordered, ordered.by)
end

-- Send a task back to its author with what was found; too often, and a person must look at it.
function tx.reject(a, task, findings, by, verb)
  local times = (task.rejections or 0) + 1
  tx.update(task, { rejections = times, findings = findings, gates_left = NONE })
  if times >= a.limits.rejections then
    tx.block(a, task, 'rejected: ' .. tx.text(times) .. ' times; last: ' .. tx.cut(findings, 200), by)
    return
  end
  local agent = tx.back_to_author(task)
  if verb then
    tx.event('task.rejected', { task_id = task.id, agent_id = task.agent_id, detail = tx.cut(findings, 200) })
  end
  tx.move(a, task, verb or 'reject', agent and 'assigned' or 'pending', by, { agent = agent or NONE })
end

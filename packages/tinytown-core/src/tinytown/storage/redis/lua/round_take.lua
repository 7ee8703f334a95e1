-- Begin a round for an agent that has something to do: the task, the mail and the round's record in one script.
-- The same round id gives the same bundle again.
-- ARGS: round_id, agent_id, node_id, nonce, from, budget_bytes, inline_bytes, max_backoff_ms, max_rounds_per_task,
--       mail_rounds_per_hour; optional max_tokens, max_micros (what the town may spend)
-- REPLY: round, agent, task, messages, backlog; or nothing: gone, not_idle, max_rounds, backoff, parked, later,
--        idle, budget, mail_loop
-- ERRORS: stale_round, stale_node
-- USES: writes ranges rules acts moves views agents mail budget take
return tx.run('round_take', function(a)
  local known = tx.load('round', a.round_id)
  if known then
    if known.kind ~= 'work' or known.agent_id ~= a.agent_id then
      tx.refuse('stale_round', { round_id = known.id, detail = 'it is not a round of `' .. a.agent_id .. '`' })
    end
    return tx.bundle(known)
  end
  tx.owner(a)
  local agent = tx.load('agent', a.agent_id)
  if not agent then
    tx.zrem('due:' .. a.node_id, a.agent_id)
    return { nothing = 'gone' }
  end
  local hindered = tx.hindrance(a, agent)
  if hindered then
    return { nothing = hindered }
  end
  local task, later = tx.next_task(a, agent)
  local mail, waking = tx.next_mail(a, agent), false
  for _, message in ipairs(mail) do
    waking = waking or tx.wakes(message)
  end
  if not task and not waking then
    if later then
      tx.postpone(agent, later)
      return { nothing = 'later' }
    end
    tx.unwake(agent)
    tx.settle(agent)
    return { nothing = 'idle' }
  end
  if tx.over_budget(a, agent) then
    return { nothing = 'budget' }
  end
  if not task and not tx.may_talk(a, agent) then
    return { nothing = 'mail_loop' }
  end
  return tx.bundle(tx.begin(a, agent, task, mail))
end)

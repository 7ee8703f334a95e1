-- Answer or dismiss an item. An answer reaches the agent and lets go on what waited.
-- ARGS: attention, verb (answer or dismiss), from; optional answer, round_id, by
-- REPLY: attention, task
-- ERRORS: stale_round, not_found, ambiguous, wrong_state
-- USES: writes ranges rules acts moves changes views agents budget
local ABOUT_AGENTS = {
  auth_required = true, start_failed = true, mail_loop = true, agent_error = true, disk_full = true,
}

return tx.run('attention_close', function(a)
  local by = tx.actor(tx.acting_round(a), a)
  local item, verb = tx.find('attention', a.attention), a.verb
  tx.check(a, 'attention', item, verb)
  tx.close_attention(item.kind, item.ref, verb == 'answer' and 'answered' or 'dismissed', a.answer)
  local task = tx.load('task', item.ref)
  if verb == 'answer' and task and task.state == 'blocked' then
    tx.unblock(a, task, a.answer, by)
  end
  local agent = tx.load('agent', item.ref)
  if ABOUT_AGENTS[item.kind] and agent then
    tx.unpark(agent)
    agent.not_before, agent.mail_rounds = nil, nil
    tx.wake(agent)
  end
  if item.kind == 'budget_spent' then
    tx.look_again()
  end
  return { attention = item, task = task }
end)

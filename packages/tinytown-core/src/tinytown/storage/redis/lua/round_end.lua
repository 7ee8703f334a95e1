-- The one commit point: record the end of a round and apply what was said in it. The same end again changes nothing.
-- ARGS: round_id, node_id, nonce, from, outcome, limits; optional detail, exit_code, session_id, head_before,
--       head_after, log, workspace, input_tokens, output_tokens, cost_micros, verdict, branch, gates, uncommitted,
--       forget_session, retry_ms, shown (after_ms, and at: line and offset by message),
--       heard (what the node knows the round to have said: a verb, or '' for nothing)
-- REPLY: round, task, agent
-- ERRORS: not_found, ambiguous, stale_round, stale_node, unheard
-- USES: writes ranges rules acts moves changes views agents mail ends budget outcome
return tx.run('round_end', function(a)
  local live = tx.find('round', a.round_id)
  if live.kind ~= 'work' then
    tx.refuse('stale_round', { round_id = live.id, detail = 'it is the round of a gate' })
  end
  if live.state == 'ended' then
    return tx.ended(live)
  end
  tx.owner(a)
  if a.heard and a.heard ~= (some(live.verdict) and live.verdict.verb or '') then
    tx.refuse('unheard', { detail = 'round `' .. live.id .. '` has said something of its task meanwhile' })
  end
  local agent, task = tx.load('agent', live.agent_id), tx.load('task', live.task_id)
  tx.close(a, live)
  tx.settle_budget(a, live)
  if agent then
    tx.count_usage(agent, a)
  end
  if task and task.round_id == live.id then
    tx.count_usage(task, a)
    task.round_id = nil
    task.branch = some(a.branch) or task.branch
    tx.apply(a, live, task)
  end
  tx.return_mail(a, live, agent)
  if agent and agent.round_id == live.id then
    tx.free_agent(a, live, agent)
  end
  return tx.ended(live)
end)

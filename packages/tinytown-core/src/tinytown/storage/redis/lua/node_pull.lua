-- List what the node has to do now, and when there will be more.
-- ARGS: node_id
-- REPLY: due (id, state, incarnation), verify (tasks), ends (rounds), next_at, freed, backlog, now
-- ERRORS: none
-- USES: ranges rules
local PULLED_AT_ONCE = 64

return tx.run('node_pull', function(a)
  local now, due, next_at = tx.now + 1, {}, nil
  local agents, verify = 'due:' .. a.node_id, 'verify:' .. a.node_id
  for _, agent in ipairs(tx.load_all('agent', tx.zrange(agents, PULLED_AT_ONCE, nil, now))) do
    due[#due + 1] = { id = agent.id, state = agent.state, incarnation = agent.incarnation }
  end
  for _, key in ipairs({ agents, verify }) do
    local first = tx.zrange(key, 1, now)[1]
    if first then
      next_at = math.min(next_at or math.huge, tx.zscore(key, first))
    end
  end
  return {
    due = due,
    verify = tx.zrange(verify, PULLED_AT_ONCE, nil, now),
    ends = tx.smembers('ends:' .. a.node_id),
    next_at = next_at,
    freed = tx.zcard('freed'),
    backlog = tx.zcard('tasks:pending'),
    now = tx.now,
  }
end)

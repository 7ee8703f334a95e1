-- Count everything, and show the first agents, nodes and open items.
-- ARGS: limit
-- REPLY: town, tasks (counts by state), agents_total, agents, agents_next, nodes, attention_total, attention,
--        conductor_mail, live
-- ERRORS: none
-- USES: ranges rules views pages
local TASK_STATES = {
  'waiting', 'pending', 'assigned', 'running', 'verifying', 'blocked', 'completed', 'failed', 'cancelled',
}

return tx.run('status', function(a)
  local tasks, mail = {}, 'lane:' .. CONDUCTOR_ID .. ':'
  for _, state in ipairs(TASK_STATES) do
    tasks[state] = tx.zcard('tasks:' .. state)
  end
  local agents, agents_next = tx.agents_page(a.limit)
  return {
    town = {
      name = tx.hget('town', 'name') or NONE,
      instance = tx.hget('town', 'instance') or NONE,
      schema = tonumber(tx.hget('town', 'schema')) or NONE,
      created_at = tonumber(tx.hget('town', 'created_at')) or NONE,
    },
    tasks = tasks,
    agents_total = tx.zcard('agents'),
    agents = agents,
    agents_next = agents_next,
    nodes = tx.all_nodes(),
    attention_total = tx.zcard('attention'),
    attention = (tx.page('attention', 'attention', a.limit)),
    conductor_mail = tx.zcard(mail .. 'urgent') + tx.zcard(mail .. 'normal'),
    live = tx.scard('live'),
  }
end)

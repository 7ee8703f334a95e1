-- Gather what explains the present state of a task, an agent, a message, a round or a node.
-- ARGS: ref; optional kind
-- REPLY: kind, record, history, agent, task, round, blockers, queue, parked_until, parked_probe, nodes, agents_total,
--        attention, now
-- ERRORS: not_found, ambiguous
-- USES: ranges rules views pages
local ASKED = { 'mail_loop', 'auth_required', 'start_failed', 'agent_error', 'disk_full', 'dead_letter', 'expired' }

return tx.run('why_facts', function(a)
  local kind, record, history = tx.show(a)
  local agent_id = kind == 'agent' and record.id or some(record.agent_id) or record.to_id
  local agent = tx.load('agent', agent_id)
  local task = kind == 'task' and record or tx.load('task', record.task_id)
  local parked = 'parked:' .. (agent and (some(agent.account) or agent.id) or '')
  local refs = (agent_id and agent_id ~= record.id) and { record.id, agent_id } or { record.id }
  local asked = {}
  local function ask_for(name, ref)
    asked[#asked + 1] = tx.load('attention', tx.hget('attention_by', name .. ':' .. ref))
  end
  for _, name in ipairs(ASKED) do
    for _, ref in ipairs(refs) do
      ask_for(name, ref)
    end
  end
  ask_for('budget_spent', 'town')
  if task and some(task.reason) then
    ask_for((tx.typed(task.reason)), task.id)
  end
  return {
    kind = kind,
    record = tx.shown(kind, record),
    history = history,
    agent = agent and tx.view(agent) or nil,
    task = task,
    round = tx.load('round', some(task and task.round_id) or agent and agent.round_id),
    blockers = task and tx.load_all('task', tx.smembers('blockers:' .. task.id)) or {},
    queue = agent and tx.zrange('queue:' .. agent.id, 100) or {},
    parked_until = tonumber(tx.hget(parked, 'until')),
    parked_probe = tx.hget(parked, 'probe'),
    nodes = tx.all_nodes(),
    agents_total = tx.zcard('agents'),
    attention = asked,
    now = tx.now,
  }
end)

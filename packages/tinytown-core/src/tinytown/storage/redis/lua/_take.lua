-- Choosing the work of a round and beginning it. Twin of the helpers in `storage/memory/verbs/take.py`.
-- Needs moves, agents, mail and budget.

local TASKS_LOOKED_AT, MAIL_LOOKED_AT, BACKLOG_SHOWN, ROUNDS_KEPT = 20, 50, 8, 100
local ALONE_FROM = 2 -- a message that was in so many counted failures is handed out alone
local HOUR_MS = 3600000

function tx.may_wait(a, wait_until)
  return wait_until > tx.now and wait_until - tx.now <= a.max_backoff_ms
end

-- Why an agent may not begin a round now; it is put where that is noticed when it changes.
function tx.hindrance(a, agent)
  local wanted = agent.wanted == 'run' or agent.wanted == 'draining'
  if agent.state ~= 'idle' or not wanted or agent.node ~= a.node_id then
    tx.unwake(agent)
    tx.zrem('due:' .. a.node_id, agent.id)
    tx.settle(agent)
    return 'not_idle'
  end
  if tx.spent(agent) then
    tx.stop_spent(agent)
    return 'max_rounds'
  end
  local wait_until = agent.not_before or 0
  if tx.may_wait(a, wait_until) then
    tx.postpone(agent, wait_until)
    return 'backoff'
  end
  local account = 'parked:' .. (some(agent.account) or agent.id)
  local parked = tonumber(tx.hget(account, 'until'))
  if parked then
    local probe = tx.load('round', tx.hget(account, 'probe'))
    if parked == 0 or parked > tx.now or (probe and probe.state == 'live') then
      tx.postpone(agent, parked > tx.now and parked or tx.now + a.max_backoff_ms)
      return 'parked'
    end
    tx.hset(account, 'probe', a.round_id)
  end
  return nil
end

-- The oldest task of the queue that need not wait; else when the first may begin.
function tx.next_task(a, agent)
  local later
  for _, task in ipairs(tx.load_all('task', tx.zrange('queue:' .. agent.id, TASKS_LOOKED_AT))) do
    local wait_until = task.not_before or 0
    if tx.may_wait(a, wait_until) then
      later = math.min(later or wait_until, wait_until)
    elseif (task.rounds or 0) >= a.max_rounds_per_task then
      tx.block(a, task, 'too_many_rounds: ' .. tx.text(task.rounds) .. ' rounds did not finish it', 'town')
    else
      return task, nil
    end
  end
  return nil, later
end

-- Mail, urgent first, while it fits; at least one; suspicious messages alone.
function tx.next_mail(a, agent)
  local chosen, size, most = {}, 0, some(agent.mail_limit) or MAIL_LOOKED_AT
  for _, name in ipairs({ 'urgent', 'normal' }) do
    for _, ref in ipairs(tx.zrange('lane:' .. agent.id .. ':' .. name, MAIL_LOOKED_AT)) do
      local message = tx.load('message', ref)
      if message and some(message.expires_at) and message.expires_at <= tx.now then
        tx.expire(message)
      elseif message then
        local suspicious = (message.deliveries or 0) >= ALONE_FROM
        if suspicious and #chosen == 0 then
          return { message }
        end
        size = size + math.min(#(message.body or ''), a.inline_bytes)
        if suspicious or (#chosen > 0 and size > a.budget_bytes) or #chosen >= most then
          return chosen
        end
        chosen[#chosen + 1] = message
      end
    end
  end
  return chosen
end

-- Rounds without a task are limited by the hour, so that agents do not thank each other all night.
function tx.may_talk(a, agent)
  local recent = {}
  for _, at in ipairs(agent.mail_rounds or {}) do
    if tx.now - HOUR_MS < at and at <= tx.now then
      recent[#recent + 1] = at
    end
  end
  if #recent >= a.mail_rounds_per_hour then
    tx.postpone(agent, recent[1] + HOUR_MS)
    local name = agent.name
    local words = '`' .. name .. '` had ' .. #recent .. ' rounds without a task within an hour; its mail waits'
    tx.open_attention('mail_loop', agent.id, words, { 'tt inbox ' .. name, 'tt restart ' .. name })
    return false
  end
  recent[#recent + 1] = tx.now
  agent.mail_rounds = recent
  return true
end

-- Write the round; from here on it exists, whatever happens to the node.
function tx.begin(a, agent, task, mail)
  local number, refs = (agent.round_number or 0) + 1, {}
  for at, message in ipairs(mail) do
    refs[at] = message.id
  end
  local live = tx.make('round', a.round_id, {
    agent = agent.name,
    agent_id = agent.id,
    incarnation = agent.incarnation,
    number = number,
    kind = 'work',
    state = 'live',
    task_id = task and task.id or nil,
    attempt = task and (task.attempt or 0) + 1 or nil,
    node = a.node_id,
    messages = some(refs),
    started_at = tx.now,
  })
  tx.reserve(a, live)
  tx.sadd('live', live.id)
  local rounds = 'rounds:' .. agent.id
  tx.zadd(rounds, number, live.id)
  for _, old in ipairs(tx.zrange(rounds, 1, nil, number - ROUNDS_KEPT)) do
    tx.zrem(rounds, old)
  end
  tx.unwake(agent)
  tx.update(agent, {
    state = 'working', round_id = live.id, task_id = live.task_id or NONE, round_number = number,
    last_active_at = tx.now,
  })
  tx.event('round.started', { round_id = live.id, agent_id = agent.id, task_id = live.task_id, new = 'live' })
  if task then
    tx.acting = live
    tx.move(a, task, 'start', 'running', agent.name, {
      history_round = live.id, attempt = live.attempt, rounds = (task.rounds or 0) + 1, round_id = live.id,
      started_at = some(task.started_at) or tx.now,
    })
  end
  for _, message in ipairs(mail) do
    tx.dequeue(message)
    message.state, message.deliveries = 'delivered', (message.deliveries or 0) + 1
    tx.trace(message, 'delivered', agent.name, live.id, { by_id = agent.id, node_id = a.node_id })
  end
  return live
end

-- Everything that the prompt of a round is made of.
function tx.bundle(live)
  local agent, backlog = tx.load('agent', live.agent_id), {}
  if agent then
    local roles = agent.role == '' and { '' } or { agent.role, '' }
    for _, role in ipairs(roles) do
      backlog = tx.join(backlog, tx.load_all('task', tx.zrange('backlog:' .. role, BACKLOG_SHOWN)))
    end
  end
  for at = #backlog, BACKLOG_SHOWN + 1, -1 do
    backlog[at] = nil
  end
  return {
    round = live,
    agent = agent and tx.view(agent) or nil,
    task = tx.load('task', live.task_id),
    messages = tx.load_all('message', live.messages or {}),
    backlog = backlog,
  }
end

-- What the outcome of a round means for its task, its mail and its agent. Twin of the helpers in
-- `storage/memory/verbs/round_end.py`. Needs moves, changes, agents, mail and ends.

local COUNTED = { failed = true, crashed = true, timed_out = true, stalled = true }
local PARKS = { rate_limited = true, auth_required = true }
local MAX_AGENT_FAILURES = 6
local USAGE = { 'input_tokens', 'output_tokens', 'cost_micros' }
local KNOWN = { 'outcome', 'detail', 'exit_code', 'session_id', 'head_before', 'head_after', 'log', 'workspace' }

function tx.ended(live)
  local agent = tx.load('agent', live.agent_id)
  return { round = live, task = tx.load('task', live.task_id), agent = agent and tx.view(agent) or nil }
end

-- Write what is known of the round itself.
function tx.close(a, live)
  for _, key in ipairs(tx.join(KNOWN, USAGE)) do
    if a[key] ~= nil then
      live[key] = a[key]
    end
  end
  if some(a.verdict) and not some(live.verdict) then
    local verdict = {}
    for name, value in pairs(a.verdict) do
      verdict[name] = value ~= NONE and value or nil
    end
    live.verdict = verdict
  end
  live.state, live.ended_at = 'ended', tx.now
  tx.srem('live', live.id)
  if some(live.node) then
    tx.srem('ends:' .. live.node, live.id)
  end
  tx.event('round.ended', {
    round_id = live.id, agent_id = live.agent_id, task_id = live.task_id, old = 'live', new = 'ended',
    detail = live.outcome,
  })
end

function tx.count_usage(record, a)
  for _, key in ipairs(USAGE) do
    if a[key] ~= nil then
      record[key] = (record[key] or 0) + a[key]
    end
  end
end

-- The rows of the outcome table in which nobody said what became of the task.
function tx.without_verdict(a, live, task)
  local outcome, limits, detail, stop = live.outcome, a.limits, live.detail or '', nil
  if outcome == 'ok' then
    task.reminders = (task.reminders or 0) + 1
    if task.reminders > limits.reminders then
      stop = 'not_closed: ' .. tx.text(task.reminders) .. ' rounds ended without a result'
    end
  elseif outcome == 'needs_input' then
    stop = 'needs_input: ' .. detail
  elseif outcome == 'context_full' then
    task.contexts = (task.contexts or 0) + 1
    if task.contexts > limits.contexts then
      stop = "context_full: the task does not fit into the agent's context"
    end
  elseif COUNTED[outcome] then
    task.crashes = (task.crashes or 0) + 1
    if task.crashes >= limits.crashes then
      stop = 'crashes: ' .. tx.text(task.crashes) .. ' rounds ended as ' .. outcome .. '; ' .. detail
    else
      task.not_before = tx.now + limits.backoff_ms * 2 ^ (task.crashes - 1)
    end
  end
  if stop then
    tx.block(a, task, tx.cut(stop, 1000), 'town', false, live.id)
  else
    tx.move(a, task, 'release', 'assigned', 'town', { history_round = live.id })
  end
end

-- An order comes first, then what the agent said, then what the outcome means.
function tx.apply(a, live, task)
  local said, ordered, by = some(live.verdict), some(task.order), live.agent
  tx.acting = live
  if ordered then
    task.order = nil
    tx.apply_order(a, task, ordered)
  elseif said and said.verb == 'submit' then
    local gates = some(a.gates)
    if gates and some(a.uncommitted) then
      tx.reject(a, task, 'uncommitted: ' .. table.concat(a.uncommitted, ', '), 'town', 'release')
    else
      tx.CHANGES.submit(a, task, {
        result = said.result, no_gates = said.no_gates, gates = gates, gate_node = live.node, head = a.head_after,
      }, by)
    end
  elseif said then
    tx.CHANGES[said.verb](a, task, said, by)
  else
    tx.without_verdict(a, live, task)
  end
end

function tx.put_back(message, live, counted)
  if counted or message.state == 'shown' then
    message.shown_at, message.shown_in = tx.now, live.id
  end
  if not counted then
    message.deliveries = some(math.max(0, (message.deliveries or 0) - 1))
  end
  message.state = 'queued'
  tx.enqueue(message)
  tx.trace(message, 'back', 'town', live.id)
end

-- Write down when and where a message stood in the prompt of a round that ran; gives the time.
function tx.was_shown(a, live, message)
  local place = some(a.shown) and a.shown.at[message.id]
  if not place or message.state ~= 'delivered' then
    return nil
  end
  local at = math.min(tx.now, live.started_at + a.shown.after_ms)
  tx.trace(message, 'shown', live.agent, live.id, {
    at = at, new = 'shown', prompt_line = place[1], prompt_offset = place[2], by_id = live.agent_id,
  })
  return at
end

-- Mail is handled, goes back into its lane, or is given up when it was alone in too many failures.
function tx.return_mail(a, live, agent)
  local outcome, refs = live.outcome, live.messages or {}
  local dealt_with = outcome == 'ok' or outcome == 'needs_input' or some(live.verdict)
  for _, message in ipairs(tx.load_all('message', refs)) do
    local open = message.state == 'delivered' or message.state == 'shown'
    local hopeless = (message.deliveries or 0) >= a.limits.deliveries
    local shown_at = open and tx.was_shown(a, live, message) or nil
    if open and dealt_with then
      message.shown_at, message.shown_in = some(message.shown_at) or shown_at, live.id
      tx.handle(message, live.agent, live.id, {
        by_id = live.agent_id, how = 'its round ended as ' .. outcome,
      })
    elseif open and COUNTED[outcome] and #refs == 1 and not some(live.task_id) and hopeless then
      message.state, message.shown_at = 'dead', tx.now
      tx.trace(message, 'dead', 'town', live.id)
      local ref = message.id
      local words = 'message `' .. ref .. '` to `' .. message.to .. '` was alone in a round that ended as ' .. outcome
      tx.open_attention('dead_letter', ref, words, { 'tt trace ' .. ref })
    elseif open then
      tx.put_back(message, live, COUNTED[outcome])
    end
  end
  if agent and outcome == 'context_full' then
    agent.mail_limit = math.max(1, math.floor(#refs / 2))
  elseif agent and dealt_with then
    agent.mail_limit = nil
  end
end

-- A round that worked shows that the account is free again; one that only probed lets another one try.
function tx.unpark_after(live, agent, worked)
  local account = 'parked:' .. (some(agent.account) or agent.id)
  if not tx.hget(account, 'until') or (not worked and tx.hget(account, 'probe') ~= live.id) then
    return
  end
  local asked = worked and some(tx.hget(account, 'asked'))
  if asked then
    tx.close_attention('auth_required', asked, 'answered')
  end
  for _, field in ipairs(worked and { 'until', 'probe', 'tries', 'asked' } or { 'probe' }) do
    tx.hdel(account, field)
  end
  tx.wake_parked(agent, worked)
end

-- Park the account after a limit or a lost log-in; hold the agent back after a full disk.
function tx.wait_for_people(a, live, agent)
  local outcome, name, parked = live.outcome, agent.name, nil
  local key = 'parked:' .. (some(agent.account) or agent.id)
  if outcome == 'rate_limited' then
    local tries = (tonumber(tx.hget(key, 'tries')) or 0) + 1
    local wait = math.min(a.limits.max_backoff_ms, 60000 * 2 ^ math.min(tries - 1, 6))
    parked = tx.now + (some(a.retry_ms) or wait)
    tx.hset(key, 'tries', tries)
  elseif outcome == 'auth_required' then
    parked = 0
    local words = '`' .. name .. '` cannot work: ' .. (some(live.detail) or outcome)
    local asked = some(tx.hget(key, 'asked'))
    if not asked or not some(tx.hget('attention_by', outcome .. ':' .. asked)) then -- one for all of the account
      tx.open_attention(outcome, agent.id, words, { 'tt adapters doctor ' .. agent.cli, 'tt restart ' .. name })
      tx.hset(key, 'asked', agent.id)
    end
  elseif outcome == 'disk_full' then
    agent.not_before = tx.now + 60000
    local words = '`' .. name .. '` cannot work: the disk is full'
    tx.open_attention('disk_full', agent.id, words, { 'tt restart ' .. name })
  end
  if parked then
    tx.hset(key, 'until', parked)
    tx.hdel(key, 'probe')
  end
end

-- Say what the agent does next.
function tx.free_agent(a, live, agent)
  local outcome = live.outcome
  agent.rounds_completed = (agent.rounds_completed or 0) + 1
  tx.update(agent, { round_id = NONE, task_id = NONE, last_active_at = tx.now, state = 'idle' })
  if outcome == 'context_full' or some(a.forget_session) then
    tx.update(agent, { session_id = NONE, session_task = NONE, session_usage = NONE })
  elseif some(live.session_id) then
    agent.session_id, agent.session_task, agent.session_usage = live.session_id, live.task_id, a.session_usage
  end
  if COUNTED[outcome] then
    agent.failures = (agent.failures or 0) + 1
    agent.not_before = tx.now + a.limits.backoff_ms * 2 ^ math.min(agent.failures - 1, 9)
  elseif outcome == 'ok' or outcome == 'needs_input' or outcome == 'context_full' then
    agent.failures, agent.not_before = nil, nil
  end
  if not PARKS[outcome] then
    tx.unpark_after(live, agent, outcome == 'ok' or outcome == 'needs_input' or outcome == 'context_full')
  end
  tx.wait_for_people(a, live, agent)
  if agent.restarting then
    tx.update(agent, { restarting = NONE, state = 'cold' })
    tx.new_life(agent)
  elseif (agent.failures or 0) >= MAX_AGENT_FAILURES and agent.wanted == 'run' then
    tx.give_up(agent, 'agent_error', tx.text(agent.failures) .. ' rounds in a row ended as ' .. outcome)
  elseif outcome == 'start_failed' and agent.wanted ~= 'stopped' then
    -- Its program, its folder, its settings: others on the same account may well start.
    tx.give_up(agent, 'start_failed', '`' .. agent.name .. '` cannot start: ' .. (some(live.detail) or outcome))
  end
  if agent.state ~= 'error' then
    tx.event('agent.idle', { agent_id = agent.id, round_id = live.id, old = 'working', new = agent.state })
    tx.unwake(agent)
    tx.settle(agent)
  end
end

-- Answer or dismiss an item. An answer reaches the agent and lets go on what waited.
-- ARGS: attention, verb (answer or dismiss), from; optional answer, round_id, by
-- REPLY: attention, task
-- ERRORS: stale_round, not_found, ambiguous, wrong_state
-- USES: writes ranges rules acts moves changes views agents budget mail
local QUIET_LOOKED_AT = 100
local ENDED_BADLY = { failed = true, cancelled = true }
local ABOUT_AGENTS = {
  auth_required = true, start_failed = true, mail_loop = true, agent_error = true, disk_full = true,
}

-- An agent that could not start begins a new life, and mail that was to start no round does so after all.
local function go_on(agent)
  if agent.state == 'error' and not some(agent.round_id) then
    tx.new_life(agent)
    tx.event('agent.restarted', { agent_id = agent.id, old = 'error', new = 'cold' })
    agent.state = 'cold'
    tx.settle(agent)
  end
  for _, name in ipairs({ 'urgent', 'normal' }) do
    local refs = tx.zrange('lane:' .. agent.id .. ':' .. name, QUIET_LOOKED_AT)
    for _, message in ipairs(tx.load_all('message', refs)) do
      if some(message.quiet) then
        message.quiet = nil
        tx.sadd('waking:' .. agent.id, message.id)
      end
    end
  end
end

-- Send an answer that belongs to no task as news: to the agent it is about, or to who wrote the mail it is about.
local function tell(a, item, agent, by)
  local message = tx.load('message', item.ref)
  if message then
    agent = tx.load('agent', message.from_id) or tx.load('agent', message.to_id)
  end
  if not agent or not some(agent.cli) or agent.state == 'removed' then
    return
  end
  local sender_id = tx.actor_id(tx.acting_round(a), a)
  local said = tx.make('message', tx.serial_id('m'), {
    sender = by, from_id = sender_id, to = agent.name, to_id = agent.id, kind = 'info',
    body = item.text .. '\n\nThe answer: ' .. a.answer, state = 'queued', created_at = tx.now,
  })
  tx.enqueue(said)
  tx.trace(said, 'queued', by, nil, { by_id = sender_id, lane = 'normal' })
end

return tx.run('attention_close', function(a)
  local by = tx.actor(tx.acting_round(a), a)
  local item, verb = tx.find('attention', a.attention), a.verb
  tx.check(a, 'attention', item, verb)
  tx.close_attention(item.kind, item.ref, verb == 'answer' and 'answered' or 'dismissed', a.answer)
  local task = tx.load('task', item.ref)
  if verb == 'answer' and task and task.state == 'blocked' then
    tx.unblock(a, task, a.answer, by)
  elseif verb == 'answer' and task and ENDED_BADLY[task.state] then
    tx.reopen(a, task, by)
    task.answer = a.answer
  end
  local agent = tx.load('agent', item.ref)
  if ABOUT_AGENTS[item.kind] and agent then
    tx.unpark(agent)
    agent.not_before, agent.mail_rounds = nil, nil
    if verb == 'answer' then
      go_on(agent)
    end
    tx.wake(agent)
  end
  if verb == 'answer' and some(a.answer) then
    tell(a, item, agent, by)
  end
  if item.kind == 'budget_spent' then
    tx.look_again()
  end
  return { attention = item, task = task }
end)

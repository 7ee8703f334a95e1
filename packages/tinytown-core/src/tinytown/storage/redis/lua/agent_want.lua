-- Change what people want of an agent: interrupt, resume, close, kill or restart it.
-- ARGS: agent, verb, from; optional only_error (leave one alone that is not in error), round_id, by
-- REPLY: agent, ending (whether a round has to end first)
-- ERRORS: stale_round, not_found, ambiguous, not_an_agent, wrong_state, agent_ends
-- USES: writes ranges rules acts views agents
local WANTED = { interrupt = 'paused', resume = 'run', close = 'draining', kill = 'stopped', restart = 'run' }

return tx.run('agent_want', function(a)
  local by = tx.actor(tx.acting_round(a), a)
  local agent, verb = tx.present(a.agent), a.verb
  if not some(agent.cli) then
    tx.refuse('not_an_agent', { detail = 'the conductor is a mailbox; it has no process to change' })
  end
  tx.check(a, 'wanted', agent, verb, 'wanted')
  if some(a.only_error) and agent.state ~= 'error' then
    return { agent = tx.view(agent), ending = false }
  end
  local live, state = some(agent.round_id) ~= nil, agent.state
  local ending = live and (verb == 'interrupt' or verb == 'kill' or verb == 'restart')
  if verb ~= 'kill' and verb ~= 'restart' and not live and (state == 'stopped' or state == 'error') then
    tx.refuse('agent_ends', {
      detail = 'agent `' .. agent.name .. '` is ' .. state,
      hint = 'start it again with `tt restart ' .. agent.name .. '`',
    })
  end
  local old = agent.wanted
  agent.wanted = WANTED[verb]
  tx.event('agent.' .. verb, { agent_id = agent.id, old = old, new = agent.wanted, detail = by })
  if ending then
    tx.request_end(agent.round_id, verb)
  end
  if verb == 'restart' and live then
    agent.restarting = true
  elseif verb == 'restart' then
    tx.unwake(agent)
    tx.new_life(agent)
    tx.event('agent.restarted', { agent_id = agent.id, old = agent.state, new = 'cold' })
    agent.state = 'cold'
  elseif verb == 'kill' then
    agent.restarting = nil
  end
  if not live then
    tx.settle(agent)
  end
  return { agent = tx.view(agent), ending = ending }
end)

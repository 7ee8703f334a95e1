-- What the town may spend: kept back when a round begins, counted when it ends. Twin of
-- `storage/memory/verbs/budget.py`. Needs ranges, rules and acts.

local LOOK_AGAIN_MS, WOKEN_AT_ONCE = 60000, 1000
local HOW = '; raise `[budget]` in `tinytown.toml`, then `tt stop` and `tt start`'

function tx.known(field)
  return tonumber(tx.hget('town', field)) or 0
end

function tx.average(what)
  local counted = tx.known('rounds_counted')
  return counted > 0 and math.ceil(tx.known('spent_' .. what) / counted) or 0
end

-- Whether one more round would pass a limit.
function tx.passes(what, limit)
  if not limit then
    return false
  end
  local spent = tx.known('spent_' .. what)
  return spent >= limit or spent + tx.known('reserved_' .. what) + tx.average(what) > limit
end

-- Whether the budget lets no round begin; the agent is looked at again in a while, and a person is asked.
function tx.over_budget(a, agent)
  local words, changes = {}, {}
  if tx.passes('tokens', a.max_tokens) then
    words[1] = string.format('%.0f of %.0f tokens are spent and %.0f are kept for rounds that go on',
      tx.known('spent_tokens'), a.max_tokens, tx.known('reserved_tokens'))
    changes[1] = 'tt config budget.max_tokens'
  end
  if tx.passes('micros', a.max_micros) then
    words[#words + 1] = string.format('%.2f of %.2f USD are spent and %.2f are kept for rounds that go on',
      tx.known('spent_micros') / 1e6, a.max_micros / 1e6, tx.known('reserved_micros') / 1e6)
    changes[#changes + 1] = 'tt config budget.max_cost_usd'
  end
  if #words == 0 then
    tx.close_attention('budget_spent', 'town', 'answered')
    return false
  end
  local text = table.concat(words, '; ') .. HOW
  if not some(tx.hget('attention_by', 'budget_spent:town')) then
    tx.event('budget.spent', { agent_id = agent.id, detail = text })
  end
  tx.open_attention('budget_spent', 'town', text, changes)
  tx.postpone(agent, tx.now + LOOK_AGAIN_MS)
  return true
end

-- Keep back what a round will use, where there is a limit.
function tx.reserve(a, live)
  for _, what in ipairs({ 'tokens', 'micros' }) do
    local kept = a['max_' .. what] and tx.average(what) or 0
    if kept > 0 then
      live['reserve_' .. what] = kept
      tx.hset('town', 'reserved_' .. what, tx.known('reserved_' .. what) + kept)
    end
  end
end

-- Count what a round has used in place of what was kept back for it; where the price is unknown, tokens alone.
function tx.settle_budget(a, live)
  for _, what in ipairs({ 'tokens', 'micros' }) do
    local kept = live['reserve_' .. what] or 0
    if kept > 0 then
      tx.hset('town', 'reserved_' .. what, math.max(0, tx.known('reserved_' .. what) - kept))
    end
  end
  local tokens, cost = (a.input_tokens or 0) + (a.output_tokens or 0), a.cost_micros or 0
  if tokens > 0 or cost > 0 then
    tx.hset('town', 'rounds_counted', tx.known('rounds_counted') + 1)
    tx.hset('town', 'spent_tokens', tx.known('spent_tokens') + tokens)
    tx.hset('town', 'spent_micros', tx.known('spent_micros') + cost)
  end
end

-- A person has seen to the budget: whoever waits on any node may try.
function tx.look_again()
  for _, node in ipairs(tx.smembers('nodes')) do
    for _, agent in ipairs(tx.load_all('agent', tx.zrange('due:' .. node, WOKEN_AT_ONCE, tx.now))) do
      tx.wake(agent)
    end
  end
end

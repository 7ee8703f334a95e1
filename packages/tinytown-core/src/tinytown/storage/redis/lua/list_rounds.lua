-- List the last rounds of an agent, the newest last.
-- ARGS: agent, limit
-- REPLY: items
-- ERRORS: not_found, ambiguous
-- USES: rules
return run('list_rounds', function(a)
  local refs, last = tx.zrange('rounds:' .. resolve('agent', a.agent), 1000), {}
  for at = math.max(1, #refs - a.limit + 1), #refs do
    last[#last + 1] = refs[at]
  end
  return { items = load_all('round', last) }
end)

-- List the last rounds of an agent, the newest last.
-- ARGS: agent, limit
-- REPLY: items
-- ERRORS: not_found, ambiguous
-- USES: ranges rules
return tx.run('list_rounds', function(a)
  local refs, last = tx.zrange('rounds:' .. tx.resolve('agent', a.agent), 1000), {}
  for at = math.max(1, #refs - a.limit + 1), #refs do
    last[#last + 1] = refs[at]
  end
  return { items = tx.load_all('round', last) }
end)

-- Peek into the lanes of an agent, urgent first, one page; nothing is marked.
-- ARGS: agent, limit; optional after
-- REPLY: items, next
-- ERRORS: not_found, ambiguous
-- USES: ranges rules lanes
return tx.run('list_messages', function(a)
  local found, last = tx.read_lanes(tx.resolve('agent', a.agent), a.limit, a.after)
  return { items = found, next = last }
end)

-- Peek into the lanes of an agent, urgent first; nothing is marked.
-- ARGS: agent, limit
-- REPLY: items
-- ERRORS: not_found, ambiguous
-- USES: ranges rules
return tx.run('list_messages', function(a)
  local lane = 'lane:' .. tx.resolve('agent', a.agent) .. ':'
  local refs = tx.join(tx.zrange(lane .. 'urgent', a.limit), tx.zrange(lane .. 'normal', a.limit))
  for at = #refs, a.limit + 1, -1 do
    refs[at] = nil
  end
  return { items = tx.load_all('message', refs) }
end)

-- List the open items, one page: those first that hold up the most open work, then the oldest.
-- ARGS: limit; optional after
-- REPLY: items (with blocks: how many open tasks and messages wait for each, at most 999), next
-- ERRORS: none
-- USES: ranges rules queue
return tx.run('list_attention', function(a)
  local items, last = tx.queue_page(a.limit, some(a.after) and tonumber(a.after) or nil)
  return { items = items, next = last }
end)

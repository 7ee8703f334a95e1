-- List agents by creation, one page.
-- ARGS: limit; optional after
-- REPLY: items, next
-- ERRORS: none
-- USES: ranges rules views pages
return tx.run('list_agents', function(a)
  local items, last = tx.agents_page(a.limit, a.after)
  return { items = items, next = last }
end)

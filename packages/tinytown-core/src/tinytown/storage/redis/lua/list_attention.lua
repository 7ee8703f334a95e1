-- List the open items by creation, one page.
-- ARGS: limit; optional after
-- REPLY: items, next
-- ERRORS: none
-- USES: ranges rules views pages
return tx.run('list_attention', function(a)
  local items, last = tx.page('attention', 'attention', a.limit, a.after)
  return { items = items, next = last }
end)

-- List all nodes that ever joined, by their names.
-- ARGS: none
-- REPLY: items
-- ERRORS: none
-- USES: ranges rules views pages
return tx.run('list_nodes', function()
  return { items = tx.all_nodes() }
end)

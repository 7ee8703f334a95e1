-- List all nodes that ever joined.
-- ARGS: none
-- REPLY: items
-- ERRORS: none
-- USES: rules agents pages
return run('list_nodes', function()
  return { items = all_nodes() }
end)

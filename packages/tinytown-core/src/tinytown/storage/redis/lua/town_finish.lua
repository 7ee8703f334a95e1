-- Take the mark of a town away that was being restored.
-- ARGS: token
-- REPLY: nothing
-- ERRORS: replaced
-- USES: writes saves
tx.guard = nil -- it looks by itself
return tx.run('town_finish', function(a)
  tx.demand('restore:' .. a.token)
  tx.hdel('town', 'unfinished')
  return {}
end)

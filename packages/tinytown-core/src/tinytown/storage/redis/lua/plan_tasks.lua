-- The tasks that entries of a plan, or whole ids of tasks, name.
-- ARGS: entries
-- REPLY: items
-- ERRORS: none
-- USES: ranges
return tx.run('plan_tasks', function(a)
  local found = {}
  for _, ref in ipairs(a.entries or {}) do
    found[#found + 1] = tx.load('task', tx.hget('plan', ref)) or tx.load('task', ref)
  end
  return { items = found }
end)

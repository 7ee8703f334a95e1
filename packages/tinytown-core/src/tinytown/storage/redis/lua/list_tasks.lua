-- List tasks by creation, one page.
-- ARGS: limit; optional state, agent, after
-- REPLY: items, next
-- ERRORS: not_found, ambiguous
-- USES: ranges rules views pages
return tx.run('list_tasks', function(a)
  local agent, items = some(a.agent) and tx.resolve('agent', a.agent), {}
  local found, last = tx.page('task', some(a.state) and 'tasks:' .. a.state or 'tasks', a.limit, a.after)
  for _, task in ipairs(found) do
    if not agent or task.agent_id == agent then
      items[#items + 1] = task
    end
  end
  return { items = items, next = last }
end)

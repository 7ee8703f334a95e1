-- Go on with the dependents of closed tasks that did not fit into the script that closed them.
-- ARGS: from
-- REPLY: tasks (those it went on with), left (how many remain)
-- ERRORS: none
-- USES: writes ranges rules acts moves
return tx.run('task_drain', function(a)
  local done = tx.zrange('freed', 1)
  for _, ref in ipairs(done) do
    local task = tx.load('task', ref)
    if task then
      tx.settle_dependents(a, task, tx.zscore('freed', ref))
    else
      tx.zrem('freed', ref)
    end
  end
  return { tasks = done, left = tx.zcard('freed') }
end)

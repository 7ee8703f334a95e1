-- Give the task of an agent's live round.
-- ARGS: agent
-- REPLY: task (absent when there is none)
-- ERRORS: not_found, ambiguous
-- USES: ranges rules
return tx.run('current', function(a)
  return { task = tx.load('task', tx.find('agent', a.agent).task_id) or NONE }
end)

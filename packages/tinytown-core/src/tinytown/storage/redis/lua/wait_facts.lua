-- Say what a wait for an agent or a task still waits for.
-- ARGS: ref
-- REPLY: kind, record; of an agent also tasks (its open ones), busy, backlog (how many it may claim)
-- ERRORS: not_found, ambiguous
-- USES: ranges rules views pages
return tx.run('wait_facts', function(a)
  local ref = a.ref
  if tx.kind_of(ref) == 'task' and not some(tx.hget('names', (tx.spoken(ref)))) then
    return { kind = 'task', record = tx.find('task', ref) }
  end
  local agent = tx.find('agent', ref)
  return {
    kind = 'agent',
    record = tx.view(agent),
    tasks = tx.load_all('task', tx.zrange('mine:' .. agent.id, 1000)),
    busy = some(agent.round_id) ~= nil or tx.has_work(agent),
    backlog = tx.zcard('backlog:' .. agent.role) + tx.zcard('backlog:'),
  }
end)

-- Say what a wait for an agent or a task still waits for, and what of it moves by itself or needs a person.
-- ARGS: ref, lost_ms (when a silent node counts as lost); optional local (the asking machine's node), runs (whether
--       its lock is held), apart (roles that take only what asks for them), auto_claim
-- REPLY: kind, record; moving (the first that moves), stuck (else at most 20 that do not), stuck_total, because (ids
--        that the judgement rests on), wide (any event may change it), open (ids); of an agent also tasks (the first
--        of its open ones), busy, backlog (how many it may claim)
-- ERRORS: not_found, ambiguous
-- USES: ranges rules views pages waits
return tx.run('wait_facts', function(a)
  local ref = a.ref
  if tx.kind_of(ref) == 'task' and not some(tx.hget('names', (tx.spoken(ref)))) then
    local task = tx.find('task', ref)
    return tx.judge(a, { task.id }, task.id, { kind = 'task', record = task, open = {} })
  end
  local agent, shown = tx.find('agent', ref), {}
  local mine = tx.zrange('mine:' .. agent.id, 1000)
  for at = 1, math.min(#mine, 20) do
    shown[at] = mine[at]
  end
  return tx.judge(a, mine, agent.id, {
    kind = 'agent',
    record = tx.view(agent),
    tasks = tx.load_all('task', shown),
    open = mine,
    busy = some(agent.round_id) ~= nil or tx.has_work(agent),
    backlog = tx.claimable(a, agent),
  })
end)

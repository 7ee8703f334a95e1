-- Claim that a task is done. Inside a round it is recorded, and applied at the round's end.
-- ARGS: task, from; optional result, gates, no_gates, gate_node, head, round_id, by
-- REPLY: task, recorded or ordered
-- ERRORS: stale_round, not_found, ambiguous, already_said, wrong_state, no_node
-- USES: writes ranges rules acts moves changes says
return tx.run('task_submit', function(a)
  return tx.say(a, 'submit', {
    result = a.result, gates = a.gates, no_gates = a.no_gates, gate_node = a.gate_node, head = a.head,
  })
end)

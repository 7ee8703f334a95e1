-- Say that the node ends its rounds (`stopping`), or has ended (`down`).
-- ARGS: node_id, nonce, state
-- REPLY: node
-- ERRORS: stale_node
-- USES: writes ranges rules acts
return tx.run('node_leave', function(a)
  local node = tx.owner(a)
  if node.state ~= a.state then
    tx.event('node.' .. a.state, { node_id = node.id, old = node.state, new = a.state })
    node.state = a.state
    if a.state == 'down' then
      node.running = nil
    end
  end
  return { node = node }
end)

-- Take the node's lease. Another process's is taken only if it is known to be gone.
-- ARGS: id, name, pid, host, nonce, capacity; optional force
-- REPLY: node, rounds (the node's that are live); set_back: the server's clock was, since the node's last beat
-- ERRORS: node_taken
-- USES: writes ranges rules acts
return tx.run('node_join', function(a)
  local node = tx.load('node', a.id)
  if node and node.state ~= 'down' and node.nonce ~= a.nonce and not some(a.force) then
    tx.refuse('node_taken', {
      detail = 'node `' .. node.name .. '` is run by process ' .. tx.text(node.pid) .. ' on ' .. node.host,
      hint = 'stop it with `tt stop`, or wait until it has not beaten for 45 seconds',
    })
  end
  local old = node and node.state or nil
  local set_back = node ~= nil and node.beat_at > tx.now
  if not node then
    node = tx.make('node', a.id, {})
    tx.sadd('nodes', a.id)
  end
  local again = node.nonce == a.nonce
  tx.update(node, { name = a.name, pid = a.pid, host = a.host, nonce = a.nonce, capacity = a.capacity })
  tx.update(node, { state = 'up', beat = (node.beat or 0) + 1, beat_at = tx.now })
  if not again then
    node.started_at = tx.now
    tx.event('node.joined', { node_id = node.id, old = old, new = 'up' })
  end
  local rounds = {}
  for _, live in ipairs(tx.load_all('round', tx.smembers('live'))) do
    if live.node == node.id then
      rounds[#rounds + 1] = live
    end
  end
  return { node = node, rounds = rounds, set_back = set_back or nil }
end)

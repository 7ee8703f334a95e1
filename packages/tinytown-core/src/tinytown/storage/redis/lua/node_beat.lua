-- Show that the node lives.
-- ARGS: node_id, nonce, running
-- REPLY: node
-- ERRORS: stale_node
-- USES: writes ranges rules acts
return tx.run('node_beat', function(a)
  local node = tx.owner(a)
  tx.update(node, { beat = (node.beat or 0) + 1, beat_at = tx.now, running = a.running })
  return { node = node }
end)

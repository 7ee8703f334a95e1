-- Say that this folder is the town of this name; refuse if another folder's is on the server.
-- ARGS: name, instance, max_events; optional replace, unfinished
-- REPLY: created, schema
-- ERRORS: town_conflict, town_unfinished
-- USES: writes ranges rules acts
local SCHEMA = 1
tx.guard = nil -- it looks by itself

return tx.run('town_claim', function(a)
  local instance = tx.hget('town', 'instance')
  if instance and instance ~= a.instance and not some(a.replace) then
    tx.refuse('town_conflict', { name = a.name })
  end
  local unfinished = tx.hget('town', 'unfinished')
  if unfinished and not some(a.unfinished) then
    tx.refuse('town_unfinished', { what = unfinished:match('^[^:]*') })
  end
  if not instance then
    tx.hset('town', 'schema', SCHEMA)
    tx.hset('town', 'created_at', tx.now)
    local conductor = tx.make('agent', CONDUCTOR_ID, { name = 'conductor', role = 'conductor', created_at = tx.now })
    tx.update(conductor, { state = 'idle', wanted = 'run', incarnation = 1, cli = '' })
    tx.event('town.created', { detail = a.name })
  end
  tx.hset('town', 'name', a.name)
  tx.hset('town', 'instance', a.instance)
  tx.hset('town', 'max_events', a.max_events)
  return { created = not instance, schema = tonumber(tx.hget('town', 'schema')) }
end)

-- Take some records and what belongs to them away. The town is marked until all is gone, and for longer where another
-- town is to be written in its place.
-- ARGS: what, token, limit; optional begin, newest
-- REPLY: removed, done
-- ERRORS: replaced, changed
-- USES: ranges saves
local WHOLE = {
  'ids', 'names', 'tasks', 'agents', 'freed', 'expiring', 'live', 'nodes', 'attention', 'attention_by', 'events',
  'backlog:', 'tasks:waiting', 'tasks:pending', 'tasks:assigned', 'tasks:running', 'tasks:verifying', 'tasks:blocked',
  'tasks:completed', 'tasks:failed', 'tasks:cancelled', 'plan', 'town',
}

return tx.run('town_clear', function(a)
  local mark = a.what .. ':' .. a.token
  if not some(a.begin) then
    tx.demand(mark)
  elseif some(a.newest) then
    local newest = tx.ask('XREVRANGE', 'events', '+', '-', 'COUNT', 1)
    if (newest[1] and newest[1][1] or '0-0') ~= a.newest then
      tx.refuse('changed', { detail = 'the town has changed since it was saved' })
    end
  end
  local refs, instance = tx.zrange('ids', a.limit), tx.hget('town', 'instance')
  local keys, done = {}, #refs < a.limit
  for _, ref in ipairs(refs) do
    keys[#keys + 1] = tx.keys_of(ref)
  end
  keys[#keys + 1] = done and WHOLE or nil
  tx.commit = function() -- a key goes whatever it holds, so nothing else needs to be read first
    for _, some_keys in ipairs(keys) do
      for at, key in ipairs(some_keys) do
        some_keys[at] = PREFIX .. key
      end
      redis.call('UNLINK', unpack(some_keys))
    end
    for _, ref in ipairs(done and {} or refs) do
      redis.call('ZREM', PREFIX .. 'ids', ref)
    end
    if not done or a.what == 'restore' then
      redis.call('HSET', PREFIX .. 'town', 'instance', instance or '', 'unfinished', mark)
    end
  end
  return { removed = #refs, done = done }
end)

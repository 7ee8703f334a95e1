-- The writing half of the prelude: what a verb wants to write is kept here, and written by `tx.commit` at its end.
-- Each function reads its key first, by a command of the key's type.

-- While a town is taken away or written anew, only that attempt may change it: what another one said would be lost.
function tx.guard(a)
  local mark = tx.ask('HGET', 'town', 'unfinished')
  if mark and mark ~= 'restore:' .. (a.attempt or '') then
    tx.refuse('town_unfinished', { what = mark:match('^[^:]*') })
  end
end

function tx.update(record, changes)
  for name, value in pairs(changes) do
    record[name] = value
  end
end

function tx.put(read, key, name, value)
  local member = tx.member(read, key, name)
  if member[2] == nil then
    if value == member[1] then
      return
    end
    member[3], member[4], member[5] = read, key, name
    tx.writes[#tx.writes + 1] = member
  end
  member[2] = value
end

function tx.zadd(key, score, member) tx.put('ZSCORE', key, member, score) end
function tx.zrem(key, member) tx.put('ZSCORE', key, member, false) end
function tx.sadd(key, member) tx.put('SISMEMBER', key, member, 1) end
function tx.srem(key, member) tx.put('SISMEMBER', key, member, false) end
function tx.hset(key, field, value) tx.put('HGET', key, field, tx.text(value)) end
function tx.hdel(key, field) tx.put('HGET', key, field, false) end

-- Lists, of which the last fifty entries are kept

function tx.push(key, entry)
  local list = tx.lists[key]
  if not list then
    list = { key = key, size = tx.ask('LLEN', key) }
    tx.lists[key] = list
    tx.lists[#tx.lists + 1] = list
  end
  list[#list + 1] = cjson.encode(entry)
end

-- New records

function tx.make(kind, ref, fields)
  if tx.load(kind, ref) then
    tx.refuse('refused', { detail = kind .. ' `' .. ref .. '` exists already' })
  end
  local record = tx.keep(kind .. ':' .. ref, {})
  tx.update(record, fields)
  record.id, record.seq = ref, tx.next_seq()
  tx.zadd('ids', 0, ref)
  return record
end

function tx.next_seq()
  local seq = (tonumber(tx.hget('town', 'seq')) or 0) + 1
  tx.hset('town', 'seq', seq)
  return seq
end

-- Streams

function tx.append(key, limit, flat)
  if not tx.streams[key] then
    tx.ask('XLEN', key)
    tx.streams[key] = true
  end
  tx.streams[#tx.streams + 1] = { key, limit, flat }
end

-- An event's time stands beside its id: ids only grow, so after a clock has gone back they tell an earlier clock's
-- time.
function tx.event(kind, fields)
  local flat = { 'type', kind, 'at', tx.text(tx.now) }
  for name, value in pairs(fields) do
    if value ~= NONE then
      flat[#flat + 1] = name
      flat[#flat + 1] = value
    end
  end
  tx.append('events', tonumber(tx.hget('town', 'max_events')) or 100000, flat)
end

-- Wake a node. A bell for what a live round said of its task names it, so that the node need not ask.
function tx.bell(node, said)
  local before = some(node) and tx.rung[node]
  if not some(node) or before == 'plain' or (before and said) then
    return
  end
  local fields = { 'at', tx.text(tx.now) }
  if said then
    fields = { 'at', tx.text(tx.now), 'said', said.id, 'verb', said.verdict.verb }
  end
  tx.rung[node] = said and 'said' or 'plain'
  tx.append('bell:' .. node, 16, fields)
end

-- The end

-- What a changed record needs: fields to set, fields to remove. May fail, so it is made before the first write.
function tx.changes_of(record)
  local sets, drops = { PREFIX .. record[3] }, { PREFIX .. record[3] }
  for name in pairs(record[2]) do
    local value = record[1][name]
    if value == nil or (type(value) == 'table' and next(value) == nil) then
      drops[#drops + 1] = name
    else
      sets[#sets + 1] = name
      sets[#sets + 1] = type(value) == 'table' and tx.encode(value) or tx.text(value)
    end
  end
  return { sets, drops }
end

function tx.commit(changes)
  local add = { ZSCORE = 'ZADD', SISMEMBER = 'SADD', HGET = 'HSET' }
  local take = { ZSCORE = 'ZREM', SISMEMBER = 'SREM', HGET = 'HDEL' }
  for _, change in ipairs(changes) do
    if #change[1] > 1 then
      redis.call('HSET', unpack(change[1]))
    end
    if #change[2] > 1 then
      redis.call('HDEL', unpack(change[2]))
    end
  end
  for _, member in ipairs(tx.writes) do
    local old, value, read, key, name = unpack(member, 1, 5)
    if value == old then -- it came back to what it was
    elseif value == false then
      redis.call(take[read], PREFIX .. key, name)
    elseif read == 'ZSCORE' then
      redis.call('ZADD', PREFIX .. key, tx.text(value), name)
    elseif read == 'HGET' then
      redis.call('HSET', PREFIX .. key, name, value)
    else
      redis.call(add[read], PREFIX .. key, name)
    end
  end
  for _, list in ipairs(tx.lists) do
    redis.call('RPUSH', PREFIX .. list.key, unpack(list))
    if list.size + #list > 50 then
      redis.call('LTRIM', PREFIX .. list.key, -50, -1)
    end
  end
  for _, entry in ipairs(tx.streams) do
    redis.call('XADD', PREFIX .. entry[1], 'MAXLEN', '~', entry[2], '*', unpack(entry[3]))
  end
end

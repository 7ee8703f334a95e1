-- The vocabulary of every verb, the twin of `storage/memory/tx.py`: reads see what the verb has written so far, and
-- nothing is written before the verb has ended.
--
-- KEYS[1]  the town's prefix, `tt:{town}:`; all keys are built from it, so a town is one slot
-- ARGV     operation id or '', now in milliseconds or '', arguments as JSON
-- REPLY    JSON: the answer, or {"error": {"code": ..., fields}} and nothing has been changed
--
-- Every write is kept back, and reads its key by a command of the key's type when it is queued. So a key of another
-- type is met before the first write, where it is only a refusal (`storage_corrupt`).
-- In JSON that passes through here an empty object becomes an empty list: Lua has one table for both.
-- The server runs this page for each call. What costs there is every function, every table, and above all every
-- local variable that functions use (its search is linear); hence few locals, and all shared functions in `tx`.

local PREFIX = KEYS[1]
local LONG_TEXT = 512 -- from so many bytes on a kept answer names a description or body instead of repeating it
local TEXT, INTEGER, FLAG, NESTED, LONG = nil, 1, 2, 3, 4

-- How the fields of records are stored: decimal text, '1', JSON text, or as the text they are.
local STORED = {
  seq = INTEGER, attempt = INTEGER, rejections = INTEGER, crashes = INTEGER, reminders = INTEGER,
  contexts = INTEGER, gate_tries = INTEGER, rounds = INTEGER, created_at = INTEGER, updated_at = INTEGER,
  started_at = INTEGER, closed_at = INTEGER, not_before = INTEGER, input_tokens = INTEGER, output_tokens = INTEGER,
  cost_micros = INTEGER, incarnation = INTEGER, rounds_completed = INTEGER, tasks_completed = INTEGER,
  max_rounds = INTEGER, failures = INTEGER, last_active_at = INTEGER, mail_limit = INTEGER, round_number = INTEGER,
  urgent = INTEGER, deliveries = INTEGER, hops = INTEGER, quiet = INTEGER, expires_at = INTEGER,
  shown_at = INTEGER, handled_at = INTEGER, number = INTEGER, ended_at = INTEGER, exit_code = INTEGER,
  pid = INTEGER, capacity = INTEGER, running = INTEGER, agents = INTEGER, beat = INTEGER, beat_at = INTEGER,
  restarting = FLAG,
  tags = NESTED, depends_on = NESTED, gates = NESTED, gates_left = NESTED, evidence = NESTED, order = NESTED,
  messages = NESTED, verdict = NESTED, mail_rounds = NESTED, suggestions = NESTED, session_usage = NESTED,
  description = LONG, body = LONG,
}
local RECORD, VIEW, RAW = {}, {}, {} -- what tables are, said by their metatable
local NONE = cjson.null -- clears a field where a table could not hold nil

-- What Python calls true: neither nil, null, false, 0 nor empty.
local function some(value)
  if value == nil or value == NONE or value == false or value == '' or value == 0 then
    return nil
  end
  if type(value) == 'table' and next(value) == nil then
    return nil
  end
  return value
end

-- `members` what is known of sorted sets, sets and plain hashes; `writes` its changes in order; `records` by key;
-- `loaded` the same in order; `lists` and `streams` what is appended; `rung` the nodes whose bell rings
local tx = { members = {}, writes = {}, records = {}, loaded = {}, lists = {}, streams = {}, rung = {} }

function tx.refuse(code, fields)
  fields = fields or {}
  fields.code = code
  error({ refusal = fields })
end

function tx.ask(command, key, ...)
  local reply = redis.pcall(command, PREFIX .. key, ...)
  if type(reply) == 'table' and reply.err then
    if reply.err:find('WRONGTYPE', 1, true) then
      tx.refuse('storage_corrupt', { key = key })
    end
    error(reply)
  end
  return reply
end

function tx.text(value)
  if type(value) == 'number' then
    return string.format(value % 1 == 0 and '%.0f' or '%.17g', value)
  end
  return value == true and '1' or value
end

-- Order by bytes, whatever the server's locale says.
function tx.before(one, other)
  for at = 1, math.min(#one, #other) do
    local left, right = one:byte(at), other:byte(at)
    if left ~= right then
      return left < right
    end
  end
  return #one < #other
end

function tx.has(list, wanted)
  for _, value in ipairs(list) do
    if value == wanted then
      return true
    end
  end
  return false
end

-- Join lists into a new one.
function tx.join(...)
  local all = {}
  for _, list in ipairs({ ... }) do
    for _, value in ipairs(list) do
      all[#all + 1] = value
    end
  end
  return all
end

-- The first characters of a text, never half of one.
function tx.cut(whole, count)
  if #whole <= count then
    return whole
  end
  local at = 1
  for _ = 1, count do
    at = whole:find('[^\128-\191]', at + 1)
    if not at then
      return whole
    end
  end
  return whole:sub(1, at - 1)
end

function tx.update(record, changes)
  for name, value in pairs(changes) do
    record[name] = value
  end
end

-- JSON

function tx.encode_record(record)
  local plain, tail = {}, ''
  for name, value in pairs(record[1]) do
    local how = STORED[name]
    if how == TEXT then
      plain[name] = value
    elseif how == INTEGER then
      plain[name] = tonumber(value)
    elseif how == FLAG then
      plain[name] = true
    elseif how == LONG then
      if #value > LONG_TEXT then
        tx.long_texts = true
        tail = tail .. ',"' .. name .. '":{"$of":"' .. record[3] .. '"}'
      else
        plain[name] = value
      end
    elseif type(value) == 'string' then
      tail = tail .. ',"' .. name .. '":' .. value
    elseif next(value) ~= nil then
      tail = tail .. ',"' .. name .. '":' .. tx.encode(value)
    end
  end
  return cjson.encode(plain):sub(1, -2) .. tail .. '}'
end

function tx.encode(value)
  if type(value) ~= 'table' then
    return cjson.encode(value)
  end
  local kind = getmetatable(value)
  if kind == RECORD then
    return tx.encode_record(value)
  elseif kind == RAW then
    return value[1]
  elseif kind == VIEW then
    return tx.encode_record(value[1]):sub(1, -2) .. ',' .. cjson.encode(value[2]):sub(2)
  end
  local parts = {}
  if value[1] ~= nil or next(value) == nil then
    for at, part in ipairs(value) do
      parts[at] = tx.encode(part)
    end
    return '[' .. table.concat(parts, ',') .. ']'
  end
  for name, part in pairs(value) do
    parts[#parts + 1] = cjson.encode(name) .. ':' .. tx.encode(part)
  end
  return '{' .. table.concat(parts, ',') .. '}'
end

-- Put the long texts into an answer.
function tx.fill(answer)
  return (answer:gsub('"(%l+)":{"%$of":"([^"]+)"}', function(name, key)
    local known = tx.records[key]
    local value = known and known[1][name] or redis.call('HGET', PREFIX .. key, name) or ''
    return '"' .. name .. '":' .. cjson.encode(value)
  end))
end

-- Sorted sets, sets, and hashes that are no records. What is known of a member is one table:
-- [1] what the server holds (its score, its value, 1, or false) and [2] what it will hold, if the verb has said so.

function tx.member(read, key, name)
  local known = tx.members[key]
  if not known then
    known = {}
    tx.members[key] = known
  end
  local member = known[name]
  if not member then
    local value = tx.ask(read, key, name)
    if read ~= 'HGET' then
      value = tonumber(value)
      value = (read == 'ZSCORE' or value == 1) and value
    end
    member = { value or false }
    known[name] = member
  end
  return member
end

function tx.get(read, key, name)
  local member = tx.member(read, key, name)
  local value = member[2]
  if value == nil then
    value = member[1]
  end
  return value or nil
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

-- How many members a key will have.
function tx.count(command, key)
  local size = tx.ask(command, key)
  for _, member in pairs(tx.members[key] or {}) do
    if member[2] ~= nil then
      size = size + (member[2] and 1 or 0) - (member[1] and 1 or 0)
    end
  end
  return size
end

function tx.zadd(key, score, member) tx.put('ZSCORE', key, member, score) end
function tx.zrem(key, member) tx.put('ZSCORE', key, member, false) end
function tx.zscore(key, member) return tx.get('ZSCORE', key, member) end
function tx.zcard(key) return tx.count('ZCARD', key) end
function tx.sadd(key, member) tx.put('SISMEMBER', key, member, 1) end
function tx.srem(key, member) tx.put('SISMEMBER', key, member, false) end
function tx.scard(key) return tx.count('SCARD', key) end
function tx.hget(key, field) return tx.get('HGET', key, field) end
function tx.hset(key, field, value) tx.put('HGET', key, field, tx.text(value)) end
function tx.hdel(key, field) tx.put('HGET', key, field, false) end

-- Members by score (equal ones by name), from above `after` up to and with `upto`.
function tx.zrange(key, limit, after, upto)
  local known, changed = tx.members[key] or {}, 0
  for _, member in pairs(known) do
    changed = changed + (member[2] ~= nil and 1 or 0)
  end
  local low, high = after and '(' .. tx.text(after) or '-inf', upto and tx.text(upto) or '+inf'
  if changed == 0 then
    return tx.ask('ZRANGE', key, low, high, 'BYSCORE', 'LIMIT', 0, limit)
  end
  local found = tx.ask('ZRANGE', key, low, high, 'BYSCORE', 'LIMIT', 0, limit + changed, 'WITHSCORES')
  local rows, kept = {}, {}
  for at = 1, #found, 2 do
    local member = known[found[at]]
    if not member or member[2] == nil then
      rows[#rows + 1] = { found[at], tonumber(found[at + 1]) }
    end
  end
  for name, member in pairs(known) do
    local score = member[2]
    if score and (not after or score > after) and (not upto or score <= upto) then
      rows[#rows + 1] = { name, score }
    end
  end
  table.sort(rows, function(one, other)
    if one[2] ~= other[2] then
      return one[2] < other[2]
    end
    return tx.before(one[1], other[1])
  end)
  for at = 1, math.min(limit, #rows) do
    kept[at] = rows[at][1]
  end
  return kept
end

-- Members that begin with a text, in order. (No verb makes a record before it has resolved all references.)
function tx.zlex(key, beginning, limit)
  return tx.ask('ZRANGE', key, '[' .. beginning, '(' .. beginning .. '\255', 'BYLEX', 'LIMIT', 0, limit)
end

function tx.smembers(key)
  local known, members = tx.members[key] or {}, {}
  for _, name in ipairs(tx.ask('SMEMBERS', key)) do
    if not known[name] or known[name][2] == nil then
      members[#members + 1] = name
    end
  end
  for name, member in pairs(known) do
    if member[2] then
      members[#members + 1] = name
    end
  end
  table.sort(members, tx.before)
  return members
end

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

function tx.entries(key)
  local found = tx.join(tx.ask('LRANGE', key, 0, -1), tx.lists[key] or {})
  for at, entry in ipairs(found) do
    found[at] = setmetatable({ entry }, RAW)
  end
  return found
end

-- Records: a table that reads its fields from [1], remembers in [2] which were changed, and knows its key [3]

function RECORD.__index(record, name)
  local value = record[1][name]
  if type(value) == 'string' then
    local how = STORED[name]
    if how == INTEGER then
      value = tonumber(value)
    elseif how == NESTED then
      value = cjson.decode(value)
    elseif how == FLAG then
      value = true
    else
      return value
    end
    record[1][name] = value
  end
  return value
end

function RECORD.__newindex(record, name, value)
  if value == NONE then
    value = nil
  end
  if record[1][name] ~= value then
    record[1][name] = value
    record[2][name] = true
  end
end

function tx.keep(key, values)
  local record = setmetatable({ values, {}, key }, RECORD)
  tx.records[key] = record
  tx.loaded[#tx.loaded + 1] = record
  return record
end

function tx.load(kind, ref)
  if not some(ref) then
    return nil
  end
  local key = kind .. ':' .. ref
  local record = tx.records[key]
  if record == nil then
    local flat = tx.ask('HGETALL', key)
    if #flat == 0 then
      tx.records[key] = false
      return nil
    end
    local values = {}
    for at = 1, #flat, 2 do
      values[flat[at]] = flat[at + 1]
    end
    record = tx.keep(key, values)
  end
  return record or nil
end

-- All records of a list of ids that exist.
function tx.load_all(kind, refs)
  local found = {}
  for _, ref in ipairs(refs) do
    found[#found + 1] = tx.load(kind, ref)
  end
  return found
end

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

function tx.event(kind, fields)
  local flat = { 'type', kind }
  for name, value in pairs(fields) do
    if value ~= NONE then
      flat[#flat + 1] = name
      flat[#flat + 1] = value
    end
  end
  tx.append('events', tonumber(tx.hget('town', 'max_events')) or 100000, flat)
end

function tx.bell(node)
  if some(node) and not tx.rung[node] then
    tx.rung[node] = true
    tx.append('bell:' .. node, 16, { 'at', tx.text(tx.now) })
  end
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

-- Do the verb up to its first write: the answer, and the changes of records.
function tx.prepare(act)
  if ARGV[1] ~= '' then
    local kept = tx.ask('GET', 'op:' .. ARGV[1])
    if kept then
      return kept, nil
    end
  end
  tx.now = tonumber(ARGV[2])
  if not tx.now then
    local time = redis.call('TIME')
    tx.now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local a, changes = cjson.decode(ARGV[3]), {}
  for name, value in pairs(a) do
    if value == NONE then
      a[name] = nil
    end
  end
  local answer = tx.encode(act(a))
  for _, record in ipairs(tx.loaded) do
    if next(record[2]) ~= nil then
      changes[#changes + 1] = tx.changes_of(record)
    end
  end
  return answer, changes
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

-- Do a verb: its kept answer, or a refusal, or all of its writes.
function tx.run(verb, act)
  local done, answer, changes = pcall(tx.prepare, act)
  if not done then
    if type(answer) == 'table' and answer.refusal then
      return tx.encode({ error = answer.refusal })
    elseif type(answer) == 'table' and answer.err then
      return answer
    end
    return redis.error_reply('BUG in ' .. verb .. ': ' .. tostring(answer))
  end
  if not changes then
    return tx.fill(answer)
  end
  tx.commit(changes)
  if ARGV[1] ~= '' then
    redis.call('SET', PREFIX .. 'op:' .. ARGV[1], answer, 'PX', 600000)
  end
  return tx.long_texts and tx.fill(answer) or answer
end

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

local PREFIX, OPERATION = KEYS[1], ARGV[1]
local NONE = cjson.null -- clears a field where a table could not hold nil
local OPERATION_KEPT_MS, EVENTS_KEPT, BELLS_KEPT = 600000, 100000, 16
local LONG_TEXT = 512 -- from so many bytes on a kept answer names a description or body instead of repeating it
local SERIAL = '0123456789abcdefghjkmnpqrstvwxyz'

-- How the fields of records are stored: decimal text, '1', JSON text; all others are text.
local INTEGER = {
  seq = true, attempt = true, rejections = true, crashes = true, reminders = true, contexts = true,
  gate_tries = true, rounds = true, created_at = true, updated_at = true, started_at = true, closed_at = true,
  not_before = true, input_tokens = true, output_tokens = true, cost_micros = true, incarnation = true,
  rounds_completed = true, tasks_completed = true, max_rounds = true, failures = true, last_active_at = true,
  mail_limit = true, round_number = true, urgent = true, deliveries = true, hops = true, quiet = true,
  expires_at = true, shown_at = true, handled_at = true, number = true, ended_at = true, exit_code = true,
  pid = true, capacity = true, running = true, agents = true, beat = true, beat_at = true,
}
local FLAG = { restarting = true }
local NESTED = {
  tags = true, depends_on = true, gates = true, gates_left = true, evidence = true, order = true,
  messages = true, verdict = true, mail_rounds = true, suggestions = true, session_usage = true,
}
local LONG = { description = true, body = true }

local tx = {}
local buffers, touched = {}, {} -- by key; in the order of the first touch
local records, loaded = {}, {}
local entries, streams, rung = {}, {}, {}
local long_texts = false

local function refuse(code, fields)
  fields = fields or {}
  fields.code = code
  error({ refusal = fields })
end

local function ask(command, key, ...)
  local reply = redis.pcall(command, PREFIX .. key, ...)
  if type(reply) == 'table' and reply.err then
    if reply.err:find('WRONGTYPE', 1, true) then
      refuse('storage_corrupt', { key = key })
    end
    error(reply)
  end
  return reply
end

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

local function text(value)
  if type(value) == 'number' then
    return string.format(value % 1 == 0 and '%.0f' or '%.17g', value)
  end
  return value == true and '1' or value
end

-- Order by bytes, whatever the server's locale says.
local function before(one, other)
  for at = 1, math.min(#one, #other) do
    local left, right = one:byte(at), other:byte(at)
    if left ~= right then
      return left < right
    end
  end
  return #one < #other
end

local function has(list, wanted)
  for _, value in ipairs(list) do
    if value == wanted then
      return true
    end
  end
  return false
end

-- Join lists into a new one.
local function join(...)
  local all = {}
  for _, list in ipairs({ ... }) do
    for _, value in ipairs(list) do
      all[#all + 1] = value
    end
  end
  return all
end

-- The first characters of a text, never half of one.
local function cut(whole, count)
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

-- JSON

local RECORD, VIEW, RAW = {}, {}, {}
local encode

local function encode_record(record)
  local plain, tail = {}, {}
  for name, value in pairs(record[1]) do
    if NESTED[name] then
      if type(value) == 'string' then
        tail[#tail + 1] = ',"' .. name .. '":' .. value
      elseif next(value) ~= nil then
        tail[#tail + 1] = ',"' .. name .. '":' .. encode(value)
      end
    elseif INTEGER[name] then
      plain[name] = tonumber(value)
    elseif FLAG[name] then
      plain[name] = true
    elseif LONG[name] and #value > LONG_TEXT then
      long_texts = true
      tail[#tail + 1] = ',"' .. name .. '":{"$of":"' .. record[3] .. '"}'
    else
      plain[name] = value
    end
  end
  return cjson.encode(plain):sub(1, -2) .. table.concat(tail) .. '}'
end

function encode(value)
  if type(value) ~= 'table' then
    return cjson.encode(value)
  end
  local kind = getmetatable(value)
  if kind == RECORD then
    return encode_record(value)
  elseif kind == RAW then
    return value[1]
  elseif kind == VIEW then
    return encode_record(value[1]):sub(1, -2) .. ',' .. cjson.encode(value[2]):sub(2)
  end
  local parts = {}
  if value[1] ~= nil or next(value) == nil then
    for at, part in ipairs(value) do
      parts[at] = encode(part)
    end
    return '[' .. table.concat(parts, ',') .. ']'
  end
  for name, part in pairs(value) do
    parts[#parts + 1] = cjson.encode(name) .. ':' .. encode(part)
  end
  return '{' .. table.concat(parts, ',') .. '}'
end

-- Put the long texts into an answer.
local function fill(answer)
  return (answer:gsub('"(%l+)":{"%$of":"([^"]+)"}', function(name, key)
    local known = records[key]
    local value = known and known[1][name] or redis.call('HGET', PREFIX .. key, name) or ''
    return '"' .. name .. '":' .. cjson.encode(value)
  end))
end

-- Sorted sets, sets, and hashes that are no records

local READ = { zset = 'ZSCORE', set = 'SISMEMBER', hash = 'HGET' }
local COUNT = { zset = 'ZCARD', set = 'SCARD' }
local ADD = { zset = 'ZADD', set = 'SADD', hash = 'HSET' }
local TAKE = { zset = 'ZREM', set = 'SREM', hash = 'HDEL' }

local function buffer(kind, key)
  local found = buffers[key]
  if not found then
    found = { key = key, kind = kind, old = {}, new = {}, names = {} }
    buffers[key] = found
  end
  return found
end

-- What the server holds of a member: its score, its value, true; or false.
local function stored(b, name)
  local value = b.old[name]
  if value == nil then
    value = ask(READ[b.kind], b.key, name)
    if b.kind == 'zset' then
      value = tonumber(value) or false
    elseif b.kind == 'set' then
      value = value == 1
    end
    b.old[name] = value
  end
  return value
end

local function get(kind, key, name)
  local b = buffer(kind, key)
  local value = b.new[name]
  if value == nil then
    value = stored(b, name)
  end
  return value or nil
end

local function put(kind, key, name, value)
  local b = buffer(kind, key)
  stored(b, name)
  if b.new[name] == nil then
    if #b.names == 0 then
      touched[#touched + 1] = b
    end
    b.names[#b.names + 1] = name
  end
  b.new[name] = value
end

local function count(kind, key)
  local b = buffer(kind, key)
  b.size = b.size or ask(COUNT[kind], key)
  local size = b.size
  for _, name in ipairs(b.names) do
    size = size + (b.new[name] and 1 or 0) - (b.old[name] and 1 or 0)
  end
  return size
end

function tx.zadd(key, score, member) put('zset', key, member, score) end
function tx.zrem(key, member) put('zset', key, member, false) end
function tx.zscore(key, member) return get('zset', key, member) end
function tx.zcard(key) return count('zset', key) end
function tx.sadd(key, member) put('set', key, member, true) end
function tx.srem(key, member) put('set', key, member, false) end
function tx.scard(key) return count('set', key) end
function tx.hget(key, field) return get('hash', key, field) end
function tx.hset(key, field, value) put('hash', key, field, text(value)) end
function tx.hdel(key, field) put('hash', key, field, false) end

-- Members by score (equal ones by name), from above `after` up to and with `upto`.
function tx.zrange(key, limit, after, upto)
  local b = buffer('zset', key)
  local low, high = after and '(' .. text(after) or '-inf', upto and text(upto) or '+inf'
  if #b.names == 0 then
    return ask('ZRANGE', key, low, high, 'BYSCORE', 'LIMIT', 0, limit)
  end
  local found = ask('ZRANGE', key, low, high, 'BYSCORE', 'LIMIT', 0, limit + #b.names, 'WITHSCORES')
  local rows, kept = {}, {}
  for at = 1, #found, 2 do
    if b.new[found[at]] == nil then
      rows[#rows + 1] = { found[at], tonumber(found[at + 1]) }
    end
  end
  for _, name in ipairs(b.names) do
    local score = b.new[name]
    if score and (not after or score > after) and (not upto or score <= upto) then
      rows[#rows + 1] = { name, score }
    end
  end
  table.sort(rows, function(one, other)
    if one[2] ~= other[2] then
      return one[2] < other[2]
    end
    return before(one[1], other[1])
  end)
  for at = 1, math.min(limit, #rows) do
    kept[at] = rows[at][1]
  end
  return kept
end

-- Members that begin with a text, in order. (No verb makes a record before it has resolved all references.)
function tx.zlex(key, beginning, limit)
  return ask('ZRANGE', key, '[' .. beginning, '(' .. beginning .. '\255', 'BYLEX', 'LIMIT', 0, limit)
end

function tx.smembers(key)
  local b, members = buffer('set', key), {}
  for _, member in ipairs(ask('SMEMBERS', key)) do
    if b.new[member] == nil then
      members[#members + 1] = member
    end
  end
  for _, name in ipairs(b.names) do
    if b.new[name] then
      members[#members + 1] = name
    end
  end
  table.sort(members, before)
  return members
end

-- Lists

function tx.push(key, entry)
  local list = entries[key]
  if not list then
    ask('LLEN', key)
    list = { key = key }
    entries[key] = list
    entries[#entries + 1] = list
  end
  list[#list + 1] = encode(entry)
end

function tx.entries(key)
  local found = join(ask('LRANGE', key, 0, -1), entries[key] or {})
  for at, entry in ipairs(found) do
    found[at] = setmetatable({ entry }, RAW)
  end
  return found
end

-- Records: a table that reads its fields from [1], remembers in [2] which were changed, and knows its key [3]

function RECORD.__index(record, name)
  local value = record[1][name]
  if type(value) == 'string' then
    if INTEGER[name] then
      value = tonumber(value)
    elseif NESTED[name] then
      value = cjson.decode(value)
    elseif FLAG[name] then
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

local function keep(key, values)
  local record = setmetatable({ values, {}, key }, RECORD)
  records[key] = record
  loaded[#loaded + 1] = record
  return record
end

function tx.load(kind, ref)
  if not some(ref) then
    return nil
  end
  local key = kind .. ':' .. ref
  local record = records[key]
  if record == nil then
    local flat = ask('HGETALL', key)
    if #flat == 0 then
      records[key] = false
      return nil
    end
    local values = {}
    for at = 1, #flat, 2 do
      values[flat[at]] = flat[at + 1]
    end
    record = keep(key, values)
  end
  return record or nil
end

local function update(record, changes)
  for name, value in pairs(changes) do
    record[name] = value
  end
end

function tx.next_seq()
  local seq = (tonumber(tx.hget('town', 'seq')) or 0) + 1
  tx.hset('town', 'seq', seq)
  return seq
end

function tx.make(kind, ref, fields)
  if tx.load(kind, ref) then
    refuse('refused', { detail = kind .. ' `' .. ref .. '` exists already' })
  end
  local record = keep(kind .. ':' .. ref, {})
  update(record, fields)
  record.id, record.seq = ref, tx.next_seq()
  tx.zadd('ids', 0, ref)
  return record
end

function tx.serial_id(letter)
  local number, id = tx.next_seq(), ''
  for _ = 1, 8 do
    local digit = number % 32
    id = SERIAL:sub(digit + 1, digit + 1) .. id
    number = (number - digit) / 32
  end
  return letter .. '-' .. id
end

-- All records of a list of ids that exist.
local function load_all(kind, refs)
  local found = {}
  for _, ref in ipairs(refs) do
    found[#found + 1] = tx.load(kind, ref)
  end
  return found
end

-- Streams

local function append(key, limit, flat)
  if not streams[key] then
    ask('XLEN', key)
    streams[key] = true
  end
  streams[#streams + 1] = { key, limit, flat }
end

local EVENT = {
  'task_id', 'agent_id', 'message_id', 'round_id', 'mission_id', 'node_id', 'attention_id', 'old', 'new', 'detail',
}

function tx.event(kind, fields)
  local flat = { 'type', kind }
  for _, name in ipairs(EVENT) do
    local value = fields[name]
    if value ~= nil and value ~= NONE then
      flat[#flat + 1] = name
      flat[#flat + 1] = text(value)
    end
  end
  append('events', tonumber(tx.hget('town', 'max_events')) or EVENTS_KEPT, flat)
end

function tx.bell(node)
  if some(node) and not rung[node] then
    rung[node] = true
    append('bell:' .. node, BELLS_KEPT, { 'at', text(tx.now) })
  end
end

-- The end

local function write_members(b)
  local adds, takes = {}, {}
  for _, name in ipairs(b.names) do
    local value = b.new[name]
    if value ~= b.old[name] then
      if value == false then
        takes[#takes + 1] = name
      elseif b.kind == 'zset' then
        adds[#adds + 1] = text(value)
        adds[#adds + 1] = name
      else
        adds[#adds + 1] = name
        adds[#adds + 1] = b.kind == 'hash' and value or nil
      end
    end
  end
  if #adds > 0 then
    redis.call(ADD[b.kind], PREFIX .. b.key, unpack(adds))
  end
  if #takes > 0 then
    redis.call(TAKE[b.kind], PREFIX .. b.key, unpack(takes))
  end
end

-- What a changed record needs: fields to set, fields to remove. May fail, so it is made before the first write.
local function changes_of(record)
  local sets, drops = {}, {}
  for name in pairs(record[2]) do
    local value = record[1][name]
    if value == nil or (type(value) == 'table' and next(value) == nil) then
      drops[#drops + 1] = name
    else
      sets[#sets + 1] = name
      sets[#sets + 1] = type(value) == 'table' and encode(value) or text(value)
    end
  end
  return { PREFIX .. record[3], sets, drops }
end

local function commit(changed)
  for _, change in ipairs(changed) do
    if #change[2] > 0 then
      redis.call('HSET', change[1], unpack(change[2]))
    end
    if #change[3] > 0 then
      redis.call('HDEL', change[1], unpack(change[3]))
    end
  end
  for _, b in ipairs(touched) do
    write_members(b)
  end
  for _, list in ipairs(entries) do
    redis.call('RPUSH', PREFIX .. list.key, unpack(list))
    redis.call('LTRIM', PREFIX .. list.key, -50, -1)
  end
  for _, entry in ipairs(streams) do
    redis.call('XADD', PREFIX .. entry[1], 'MAXLEN', '~', entry[2], '*', unpack(entry[3]))
  end
end

local function arguments()
  local a = cjson.decode(ARGV[3])
  for name, value in pairs(a) do
    if value == NONE then
      a[name] = nil
    end
  end
  return a
end

local function now()
  if ARGV[2] ~= '' then
    return tonumber(ARGV[2])
  end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Do a verb: its kept answer, or a refusal, or all of its writes.
local function run(verb, act)
  local replayed = false
  local done, answer, changed = pcall(function()
    local kept = OPERATION ~= '' and ask('GET', 'op:' .. OPERATION)
    if kept then
      replayed = true
      return kept
    end
    tx.now = now()
    local reply, changes = encode(act(arguments())), {}
    for _, record in ipairs(loaded) do
      if next(record[2]) ~= nil then
        changes[#changes + 1] = changes_of(record)
      end
    end
    return reply, changes
  end)
  if not done then
    if type(answer) == 'table' and answer.refusal then
      return encode({ error = answer.refusal })
    end
    if type(answer) == 'table' and answer.err then
      return answer
    end
    return redis.error_reply('BUG in ' .. verb .. ': ' .. tostring(answer))
  end
  if replayed then
    return fill(answer)
  end
  commit(changed)
  if OPERATION ~= '' then
    redis.call('SET', PREFIX .. 'op:' .. OPERATION, answer, 'PX', OPERATION_KEPT_MS)
  end
  return long_texts and fill(answer) or answer
end

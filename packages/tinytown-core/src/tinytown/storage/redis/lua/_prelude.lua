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
-- `_writes.lua` holds the writing half, which queries leave out, and `_ranges.lua` what reads many members at once.
-- The server runs these pages for each call. What costs there is every function, every table, and above all every
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
  reserve_tokens = INTEGER, reserve_micros = INTEGER, blocks = INTEGER, holds = INTEGER,
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
-- `loaded` the same in order; `lists` and `streams` what is appended; `rung` the nodes whose bell rings; `acting` the
-- round whose agent acts, for the history: a name alone may be another agent's later
local tx = {
  members = {}, writes = {}, records = {}, loaded = {}, lists = {}, streams = {}, rung = {}, now = nil, acting = nil,
  -- The names of functions to come make room for them: a table that grows step by step costs more than they do.
  refuse = nil, ask = nil, text = nil, has = nil, encode_record = nil, encode = nil, fill = nil, member = nil,
  get = nil, put = nil, count = nil, zadd = nil, zrem = nil, zscore = nil, zcard = nil, sadd = nil, srem = nil,
  scard = nil, hget = nil, hset = nil, hdel = nil, keep = nil, load = nil, prepare = nil, run = nil, update = nil,
  push = nil, make = nil, next_seq = nil, append = nil, event = nil, bell = nil, changes_of = nil, commit = nil,
  join = nil, load_all = nil, before = nil, zrange = nil, smembers = nil, check = nil, spoken = nil, zlex = nil,
  resolve = nil, find = nil, acting_round = nil, own_task = nil, actor = nil, has_work = nil, typed = nil,
  wake = nil, unwake = nil, postpone = nil, request_end = nil, settle = nil, serial_id = nil, owner = nil,
  open_attention = nil, close_attention = nil, long_texts = nil, guard = nil,
}

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

function tx.has(list, wanted)
  for _, value in ipairs(list) do
    if value == wanted then
      return true
    end
  end
  return false
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

function tx.zscore(key, member) return tx.get('ZSCORE', key, member) end
function tx.zcard(key) return tx.count('ZCARD', key) end
function tx.scard(key) return tx.count('SCARD', key) end
function tx.hget(key, field) return tx.get('HGET', key, field) end

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

-- The end

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
  if tx.guard then -- a query has no writing half
    tx.guard(a)
  end
  local answer = tx.encode(act(a))
  for _, record in ipairs(tx.loaded) do
    if next(record[2]) ~= nil then
      changes[#changes + 1] = tx.changes_of(record)
    end
  end
  return answer, changes
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
  if tx.commit then -- a query has no writing half
    tx.commit(changes)
    if ARGV[1] ~= '' then
      redis.call('SET', PREFIX .. 'op:' .. ARGV[1], answer, 'PX', 600000)
    end
  end
  return tx.long_texts and tx.fill(answer) or answer
end

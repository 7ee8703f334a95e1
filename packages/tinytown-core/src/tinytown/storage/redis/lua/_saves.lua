-- What a record is and which keys belong to it, for towns that are read, taken away or written as a whole.
-- Twin of helpers in `storage/memory/verbs/saves.py`.

local KINDS = { a = 'agent', m = 'message', n = 'node', q = 'attention', r = 'round', t = 'task' }
local OF_TASK = { 'blockers:%s', 'dependents:%s' }
local OF_AGENT = {
  'queue:%s', 'mine:%s', 'done:%s:completed', 'done:%s:failed', 'done:%s:cancelled', 'lane:%s:urgent',
  'lane:%s:normal', 'waking:%s', 'rounds:%s', 'parked:%s',
}
local OF_NODE = { 'hosted:', 'due:', 'idle:', 'verify:', 'ends:', 'bell:' }

-- The kind that the letter of an id names.
function tx.kind_by_letter(ref)
  return KINDS[ref:sub(1, 1)]
end

-- A hash whole, as the texts that it holds.
function tx.fields(key)
  local found, flat = {}, tx.ask('HGETALL', key)
  for at = 1, #flat, 2 do
    found[flat[at]] = flat[at + 1]
  end
  return found
end

-- Every key that belongs to a record.
function tx.keys_of(ref)
  local kind = tx.kind_by_letter(ref)
  local record, keys = tx.fields(kind .. ':' .. ref), { kind .. ':' .. ref, 'history:' .. ref }
  if kind == 'task' then
    for _, family in ipairs(OF_TASK) do
      keys[#keys + 1] = family:format(ref)
    end
    keys[#keys + 1] = 'backlog:' .. (record.role or '')
  elseif kind == 'agent' then
    for _, family in ipairs(OF_AGENT) do
      keys[#keys + 1] = family:format(ref)
    end
    keys[#keys + 1] = 'parked:' .. (some(record.account) or ref)
  end
  for _, node in ipairs({ record.node or '', record.gate_node or '', kind == 'node' and ref or '' }) do
    for _, family in ipairs(node ~= '' and OF_NODE or {}) do
      keys[#keys + 1] = family .. node
    end
  end
  return keys
end

-- Refuse an attempt that another one has replaced.
function tx.demand(mark)
  if tx.hget('town', 'unfinished') ~= mark then
    tx.refuse('replaced', {
      detail = 'another restore or reset of this town has begun since',
      hint = 'wait until it has ended, then look with `tt status`',
    })
  end
end

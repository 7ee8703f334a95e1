-- Show some records by id with all that belongs to them; a part ends early when its texts are long.
-- ARGS: after, limit, bytes
-- REPLY: items, next, newest, town
-- ERRORS: none
-- USES: ranges rules views pages saves
local LONG = { 'description', 'body', 'result', 'findings', 'text' }

local function item_of(kind, ref)
  local record = tx.load(kind, ref) or { id = ref }
  local item = { kind = kind, record = record, history = tx.entries('history:' .. ref) }
  if kind == 'task' then
    item.blockers = tx.smembers('blockers:' .. ref)
    item.freed = tx.zscore('freed', ref)
    item.verify = tx.zscore('verify:' .. (record.gate_node or ''), ref)
  elseif kind == 'agent' then
    local node, account = record.node or '', some(record.account) or ref
    item.due, item.idle = tx.zscore('due:' .. node, ref), tx.zscore('idle:' .. node, ref)
    local said = tx.fields('parked:' .. account)
    item.parked = next(said) and { account, said } or nil
  end
  return item
end

return tx.run('town_export', function(a)
  local low = a.after == '' and '-' or '(' .. a.after
  local refs = tx.ask('ZRANGE', 'ids', low, '+', 'BYLEX', 'LIMIT', 0, a.limit + 1)
  local found, size = {}, 0
  for at = 1, math.min(#refs, a.limit) do
    local item = item_of(tx.kind_by_letter(refs[at]), refs[at])
    found[at] = item
    for _, name in ipairs(LONG) do
      size = size + #(item.record[name] or '')
    end
    if size > a.bytes then
      break
    end
  end
  local newest = tx.ask('XREVRANGE', 'events', '+', '-', 'COUNT', 1)
  return {
    items = found, next = #refs > #found and refs[#found] or nil, newest = newest[1] and newest[1][1] or '0-0',
    town = tx.fields('town'),
  }
end)

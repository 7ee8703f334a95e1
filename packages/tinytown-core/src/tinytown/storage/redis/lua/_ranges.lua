-- Reading many members, entries or records at once, with what the verb has written so far.

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

-- All records of a list of ids that exist.
function tx.load_all(kind, refs)
  local found = {}
  for _, ref in ipairs(refs) do
    found[#found + 1] = tx.load(kind, ref)
  end
  return found
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

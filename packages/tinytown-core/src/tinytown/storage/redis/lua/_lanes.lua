-- Reading the two lanes of a mailbox. Twin of `read_lanes` in `storage/memory/verbs/mail.py`. Needs ranges.

-- One page of a mailbox, urgent mail first, and the cursor of the next one: twice the number of a message's making,
-- and one more for what is not urgent.
function tx.read_lanes(reader, limit, after)
  local found, last, lane = {}, nil, 'lane:' .. reader .. ':'
  for odd, name in ipairs({ 'urgent', 'normal' }) do
    if not after or after % 2 == odd - 1 then
      found = tx.join(found, tx.zrange(lane .. name, limit + 1, after and math.floor(after / 2)))
    elseif odd == 2 then
      found = tx.join(found, tx.zrange(lane .. name, limit + 1))
    end
  end
  if #found > limit then
    local urgent = tx.zscore(lane .. 'urgent', found[limit])
    last = urgent and urgent * 2 or (tx.zscore(lane .. 'normal', found[limit]) or 0) * 2 + 1
    for at = #found, limit + 1, -1 do
      found[at] = nil
    end
  end
  return tx.load_all('message', found), last
end

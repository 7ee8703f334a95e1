-- What several queries share. Twin of helpers in `storage/memory/verbs/queries.py`. Needs ranges and views.

local KINDS = { t = 'task', a = 'agent', m = 'message', r = 'round', q = 'attention', n = 'node' }

-- The kind that the letter of an id names; without one it is an agent's name.
function tx.kind_of(ref)
  return KINDS[(tx.spoken(ref)):match('^([^-]*)-') or ''] or 'agent'
end

-- Records of one page of an index, and where the next page begins (nil at the end).
function tx.page(kind, key, limit, after)
  local found, last = tx.zrange(key, limit + 1, after), nil
  if #found > limit then
    last = tx.zscore(key, found[limit])
    found[limit + 1] = nil
  end
  return tx.load_all(kind, found), last
end

-- Agents of one page with their counts.
function tx.agents_page(limit, after)
  local agents, last = tx.page('agent', 'agents', limit, after)
  for at, agent in ipairs(agents) do
    agents[at] = tx.view(agent)
  end
  return agents, last
end

-- All nodes by their names, and of one name by their ids.
function tx.all_nodes()
  local found = tx.load_all('node', tx.smembers('nodes'))
  table.sort(found, function(one, other)
    if one.name == other.name then
      return tx.before(one.id, other.id)
    end
    return tx.before(one.name, other.name)
  end)
  for at, node in ipairs(found) do
    found[at] = tx.node_view(node)
  end
  return found
end

-- The lines of a list, as the JSON they are.
function tx.entries(key)
  local found = tx.ask('LRANGE', key, 0, -1)
  for at, entry in ipairs(found) do
    found[at] = setmetatable({ entry }, RAW)
  end
  return found
end

-- How a record of any kind is shown.
function tx.shown(kind, record)
  return kind == 'agent' and tx.view(record) or kind == 'node' and tx.node_view(record) or record
end

-- One record of any kind with its history. A name that looks like the beginning of an id may be either.
function tx.show(a)
  local kind, _, name = some(a.kind), tx.spoken(a.ref)
  if not kind then
    kind = some(tx.hget('names', name)) and 'agent' or tx.kind_of(a.ref)
  end
  local record = tx.find(kind, a.ref)
  return kind, record, tx.entries('history:' .. record.id)
end

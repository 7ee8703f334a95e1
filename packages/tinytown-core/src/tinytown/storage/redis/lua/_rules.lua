-- What verbs and queries share: who is acting and what a reference names. Twin of `storage/memory/rules.py`, with
-- `_acts.lua`.

local CONDUCTOR_ID = 'a-00000000'
local CANDIDATES_SHOWN = 6
local LETTERS = { agent = 'a-', task = 't-', message = 'm-', round = 'r-', attention = 'q-', node = 'n-' }

-- Refuse a verb that the table of the record does not allow from its present state.
function tx.check(a, kind, record, verb, field)
  local allowed, state = a.from[kind .. '.' .. verb], record[field or 'state']
  if not tx.has(allowed, state) then
    tx.refuse('wrong_state', {
      kind = kind, id = record.id, state = state, verb = verb, allowed = table.concat(allowed, ', '),
    })
  end
end

-- A reference without the blanks around it and in lower case, and the name in it: `w1 [worker]` means `w1`.
function tx.spoken(ref)
  local plain = ref:match('^%s*(.-)%s*$'):lower()
  local label = plain:find(' [', 1, true)
  return plain, label and plain:sub(1, label - 1) or plain
end

-- Members of a sorted set that begin with a text, in order. (No verb makes a record before it has resolved all its
-- references.)
function tx.zlex(key, beginning, limit)
  return tx.ask('ZRANGE', key, '[' .. beginning, '(' .. beginning .. '\255', 'BYLEX', 'LIMIT', 0, limit)
end

-- The id that a reference names: an id, a unique beginning of one, or an agent's name, nickname or label.
function tx.resolve(kind, ref)
  local plain, name = tx.spoken(ref)
  if kind == 'agent' then
    if plain == 'conductor' or plain == 'supervisor' then
      return CONDUCTOR_ID
    end
    local named = tx.hget('names', name)
    if some(named) then
      return named
    end
  end
  if plain ~= '' and tx.zscore('ids', plain) then
    if not tx.load(kind, plain) then
      tx.refuse('not_found', { kind = kind, ref = ref })
    end
    return plain
  end
  local letter, found = LETTERS[kind], {}
  if plain:sub(1, #letter) == letter and #plain > #letter then
    found = tx.zlex('ids', plain, CANDIDATES_SHOWN)
  end
  if #found > 1 then
    tx.refuse('ambiguous', { ref = ref, candidates = found })
  elseif #found == 0 then
    tx.refuse('not_found', { kind = kind, ref = ref })
  end
  return found[1]
end

function tx.find(kind, ref)
  local known = tx.records[kind .. ':' .. ref] -- read before in this verb, by its id
  if known then
    return known
  end
  return tx.load(kind, tx.resolve(kind, ref)) or tx.refuse('not_found', { kind = kind, ref = ref })
end

-- An agent that has not been removed: only such a one can be given anything.
function tx.present(ref)
  local agent = tx.find('agent', ref)
  if agent.state == 'removed' then
    local hint = 'it was removed; `tt spawn ' .. agent.name .. '` makes a new one'
    tx.refuse('not_found', { kind = 'agent', ref = ref, hint = hint })
  end
  return agent
end

-- The live round that a write comes from, or nil for a person; refuses a round that is over.
function tx.acting_round(a)
  if not some(a.round_id) then
    return nil
  end
  local acting = tx.load('round', a.round_id)
  if not acting or acting.state ~= 'live' or acting.kind ~= 'work' then
    tx.refuse('stale_round', { round_id = a.round_id, detail = 'it is over' })
  end
  tx.acting = acting
  return acting
end

function tx.own_task(acting, task)
  if acting.task_id ~= task.id then
    tx.refuse('stale_round', { round_id = acting.id, detail = '`' .. task.id .. '` is not its task' })
  end
end

-- Name who acts, who must be a person, the conductor or the town: what happens to others' work is not a round's.
function tx.person(a, verb, what)
  if tx.acting_round(a) then
    tx.refuse('people_only', {
      detail = 'a round may not ' .. verb .. ' ' .. (what or 'a task'),
      hint = 'say what you need with `tt send conductor`, or `tt task block` your own task',
    })
  end
  return tx.actor(nil, a)
end

function tx.actor(acting, a)
  return acting and acting.agent or some(a.by) or 'person'
end

-- The id of who acts, for the history; a person has none.
function tx.actor_id(acting, a)
  return acting and acting.agent_id or (not acting and a.by == 'conductor' and CONDUCTOR_ID) or nil
end

function tx.has_work(agent)
  return tx.zcard('queue:' .. agent.id) > 0 or tx.scard('waking:' .. agent.id) > 0
end

-- The typed part of a reason, before its colon, and what stands behind it.
function tx.typed(reason)
  local kind, rest = reason:match('^([^:]*):(.*)$')
  return kind or reason, rest or ''
end

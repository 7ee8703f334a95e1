-- What several verbs share: who is acting, what a reference names, waking agents, items for people.
-- Twin of `storage/memory/rules.py`.

local CONDUCTOR_ID = 'a-00000000'
local CANDIDATES_SHOWN = 6
local LETTERS = { agent = 'a-', task = 't-', message = 'm-', round = 'r-', attention = 'q-', node = 'n-' }

-- Refuse a verb that the table of the record does not allow from its present state.
local function check(a, kind, record, verb, field)
  local allowed, state = a.from[kind .. '.' .. verb], record[field or 'state']
  if not has(allowed, state) then
    refuse('wrong_state', {
      kind = kind, id = record.id, state = state, verb = verb, allowed = table.concat(allowed, ', '),
    })
  end
end

-- A reference without the blanks around it and in lower case, and the name in it: `w1 [worker]` means `w1`.
local function spoken(ref)
  local plain = ref:match('^%s*(.-)%s*$'):lower()
  local label = plain:find(' [', 1, true)
  return plain, label and plain:sub(1, label - 1) or plain
end

-- The id that a reference names: an id, a unique beginning of one, or an agent's name, nickname or label.
local function resolve(kind, ref)
  local plain, name = spoken(ref)
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
      refuse('not_found', { kind = kind, ref = ref })
    end
    return plain
  end
  local letter, found = LETTERS[kind], {}
  if plain:sub(1, #letter) == letter and #plain > #letter then
    found = tx.zlex('ids', plain, CANDIDATES_SHOWN)
  end
  if #found > 1 then
    refuse('ambiguous', { ref = ref, candidates = found })
  elseif #found == 0 then
    refuse('not_found', { kind = kind, ref = ref })
  end
  return found[1]
end

local function find(kind, ref)
  return tx.load(kind, resolve(kind, ref)) or refuse('not_found', { kind = kind, ref = ref })
end

-- The live round that a write comes from, or nil for a person; refuses a round that is over.
local function acting_round(a)
  if not some(a.round_id) then
    return nil
  end
  local acting = tx.load('round', a.round_id)
  if not acting or acting.state ~= 'live' or acting.kind ~= 'work' then
    refuse('stale_round', { round_id = a.round_id, detail = 'it is over' })
  end
  return acting
end

local function own_task(acting, task)
  if acting.task_id ~= task.id then
    refuse('stale_round', { round_id = acting.id, detail = '`' .. task.id .. '` is not its task' })
  end
end

local function actor(acting, a)
  return acting and acting.agent or some(a.by) or 'person'
end

local function has_work(agent)
  return tx.zcard('queue:' .. agent.id) > 0 or tx.scard('waking:' .. agent.id) > 0
end

-- Put an agent on its node's list of those that have something to do, and ring the bell, if it may start a round.
local function wake(agent, at)
  local node, wanted, state = some(agent.node), agent.wanted, agent.state
  if node and (wanted == 'run' or wanted == 'draining') and (state == 'cold' or state == 'idle') then
    tx.zadd('due:' .. node, math.max(at or 0, agent.not_before or 0, 0), agent.id)
    tx.zrem('idle:' .. node, agent.id)
    tx.bell(node)
  end
end

-- Take an agent off its node's lists of those that have something to do, and of those that could have.
local function unwake(agent)
  if some(agent.node) then
    tx.zrem('due:' .. agent.node, agent.id)
    tx.zrem('idle:' .. agent.node, agent.id)
  end
end

-- Ask the node to end a live round. Says whether there was one.
local function request_end(round_id, why)
  local live = tx.load('round', round_id)
  if not live or live.state ~= 'live' then
    return false
  end
  live.end_requested = why
  if some(live.node) then
    tx.sadd('ends:' .. live.node, live.id)
    tx.bell(live.node)
  end
  return true
end

-- Without a live round, what people want decides: stop, or go on if there is something to do.
local function settle(agent)
  local wanted = agent.wanted
  if agent.state == 'working' then
    return
  elseif wanted == 'stopped' or (wanted == 'draining' and not has_work(agent)) then
    unwake(agent)
    if agent.state ~= 'stopped' then
      tx.event('agent.stopped', { agent_id = agent.id, old = agent.state, new = 'stopped' })
      agent.state = 'stopped'
    end
  elseif wanted == 'paused' then
    unwake(agent)
  elseif agent.state == 'cold' or has_work(agent) then
    wake(agent)
  elseif wanted == 'run' and agent.state == 'idle' and some(agent.node) then
    tx.zadd('idle:' .. agent.node, agent.last_active_at or 0, agent.id)
    if tx.zcard('tasks:pending') > 0 then
      tx.bell(agent.node)
    end
  end
end

-- Ask a person; one open item for each kind and reference, whose text is renewed.
local function open_attention(kind, ref, words, suggestions)
  local known = tx.load('attention', tx.hget('attention_by', kind .. ':' .. ref))
  if known then
    known.text = words
    return
  end
  local item = tx.make('attention', tx.serial_id('q'), {
    kind = kind, ref = ref, text = words, suggestions = suggestions, state = 'open', created_at = tx.now,
  })
  tx.hset('attention_by', kind .. ':' .. ref, item.id)
  tx.zadd('attention', item.seq, item.id)
  tx.event('attention.opened', { attention_id = item.id, detail = kind, new = 'open' })
end

-- Close the open item of a kind and reference, if there is one.
local function close_attention(kind, ref, state, answer)
  local item = tx.load('attention', tx.hget('attention_by', kind .. ':' .. ref))
  if not item then
    return
  end
  item.state, item.answer, item.closed_at = state, answer, tx.now
  tx.hdel('attention_by', kind .. ':' .. ref)
  tx.zrem('attention', item.id)
  tx.event('attention.' .. state, { attention_id = item.id, detail = kind, old = 'open', new = state })
end

-- The node that writes; refuses one that another life of the node has replaced.
local function owner(a)
  local node = tx.load('node', a.node_id)
  if not node or node.nonce ~= a.nonce then
    refuse('stale_node', { node_id = a.node_id })
  end
  return node
end

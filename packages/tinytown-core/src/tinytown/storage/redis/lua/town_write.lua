-- Write some keys of a town that is being restored.
-- ARGS: token, keys; optional trimmed
-- REPLY: nothing
-- ERRORS: replaced
-- USES: saves
local SIZE = { hash = 'HLEN', zset = 'ZCARD', set = 'SCARD', list = 'LLEN', stream = 'XLEN' }
local write = {}

-- The fields of a hash; what is nested comes as a JSON text in a list.
function write.hash(key, value)
  local flat = {}
  for name, item in pairs(value) do
    flat[#flat + 1] = name
    flat[#flat + 1] = type(item) == 'table' and item[1] or tx.text(item)
  end
  redis.call('HSET', key, unpack(flat))
end

function write.zset(key, value)
  local flat = {}
  for member, score in pairs(value) do
    flat[#flat + 1] = tx.text(score)
    flat[#flat + 1] = member
  end
  redis.call('ZADD', key, unpack(flat))
end

function write.set(key, value)
  redis.call('SADD', key, unpack(value))
end

function write.list(key, value)
  redis.call('DEL', key)
  redis.call('RPUSH', key, unpack(value))
end

function write.stream(key, value, trimmed)
  for _, entry in ipairs(value) do
    local flat = {}
    for name, text in pairs(entry[2]) do
      flat[#flat + 1] = name
      flat[#flat + 1] = text
    end
    redis.call('XADD', key, entry[1], unpack(flat))
  end
  if trimmed then -- readers see by it that there were more
    redis.call('XSETID', key, value[#value][1], 'ENTRIESADDED', redis.call('XLEN', key) + 1)
  end
end

return tx.run('town_write', function(a)
  tx.demand('restore:' .. a.token)
  for _, item in ipairs(a.keys) do
    tx.ask(SIZE[item.kind], item.key)
  end
  tx.commit = function()
    for _, item in ipairs(a.keys) do
      write[item.kind](PREFIX .. item.key, item.value, some(a.trimmed))
    end
  end
  return {}
end)

-- Taking records away. Twin of `Tx.forget`. Needs writes.

local commit, drops = tx.commit, {}

-- Take a record, which was loaded, and its history away.
function tx.forget(kind, ref)
  tx.ask('LLEN', 'history:' .. ref)
  drops[#drops + 1] = PREFIX .. kind .. ':' .. ref
  drops[#drops + 1] = PREFIX .. 'history:' .. ref
end

function tx.commit(changes)
  commit(changes)
  if #drops > 0 then
    redis.call('DEL', unpack(drops))
  end
end

-- Show one record of any kind with its history.
-- ARGS: ref; optional kind
-- REPLY: kind, record, history
-- ERRORS: not_found, ambiguous
-- USES: ranges rules views pages
return tx.run('show', function(a)
  local kind, record, history = tx.show(a)
  return { kind = kind, record = tx.shown(kind, record), history = history }
end)

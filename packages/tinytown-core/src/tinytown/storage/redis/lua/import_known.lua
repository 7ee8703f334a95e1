-- Say which of some ids are taken.
-- ARGS: optional ids
-- REPLY: known
-- ERRORS: none
-- USES: ranges
return tx.run('import_known', function(a)
  local known = {}
  for _, ref in ipairs(a.ids or {}) do
    if tx.zscore('ids', ref) then
      known[#known + 1] = ref
    end
  end
  return { known = known }
end)

-- Operation ids: eight hex digits of the birth second, a dash, and something random.
local RECORD_SECONDS = '900'

local function is_operation(id)
  return #id <= 64 and find(id, '^%x%x%x%x%x%x%x%x%-[%w]+$')
end

-- Whether the record of such an id may have been forgotten, or its clock is not ours.
local function is_late(id, now)
  local birth = tonumber(string.sub(id, 1, 8), 16)
  return now - birth > 600 or birth - now > 60
end

-- The record of an operation that never was and never will be: an order that comes with its id is answered `voided`.
local function tombstone(account)
  return 'voided ' .. account .. ' 0 - 0 0 0 0 0 0 '
end

-- The server's second, but never behind the account's last one by less than five; and by how many it is behind
-- where it is more: such a jump is reported, not followed for years.
local function clock(seen)
  local now = tonumber(redis.call('TIME')[1])
  if now >= seen then
    return now, 0
  end
  if seen - now < 5 then
    return seen, 0
  end
  return now, seen - now
end

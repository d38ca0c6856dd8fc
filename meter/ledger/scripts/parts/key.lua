-- The second at which an API key ends, as the account's own, 0 where it is not its key, or not any more; then which
-- operations it is for (nil = all), and the level at which it is counted.
local function key_open_until(name, account)
  if not name then
    return math.huge
  end
  local key = redis.call('HMGET', name, 'account', 'expires', 'revoked', 'operations', 'level')
  local expires = key[2] == '0' and math.huge or tonumber(key[2])
  return key[1] == account and key[3] ~= '1' and expires or 0, key[4] or nil, key[5] or nil
end

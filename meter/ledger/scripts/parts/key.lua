-- The second at which an API key ends, as the account's own; 0 where it is not its key, or not any more.
local function key_open_until(name, account)
  if not name then
    return math.huge
  end
  local key = redis.call('HMGET', name, 'account', 'expires', 'revoked')
  local expires = key[2] == '0' and math.huge or tonumber(key[2])
  return key[1] == account and key[3] ~= '1' and expires or 0
end

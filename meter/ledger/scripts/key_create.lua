#!lua
-- Store an API key's hash in its account's slot.
--
-- uses: numbers clock books
--
-- KEYS  1 account  2 API key  3 the account's API keys  4 ledger
-- ARGV  1 op  2 account id  3 key hash  4 hint  5 expires (Unix second, 0 = never)
--       6 what it is for ("name,name.*,...", or "-" for all)
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind>" with
--   done, unknown
--   repeat     it is stored already
--   conflict   it is another account's

local b = read(ARGV[1], ARGV[2])
if not is_whole(ARGV[5]) or not find(ARGV[3], '^%x+$') or not find(ARGV[4], '^[%w_%-]*$')
  or not find(ARGV[6], '^[%w%._:/%*,%-]+$') then
  return redis.error_reply('BADARG the hash, the hint, the expiry or the operations of the API key are malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local owner = redis.call('HGET', KEYS[2], 'account')
if owner then
  return answer(b, owner == b.account and 'repeat' or 'conflict')
end
redis.call('SCARD', KEYS[3])

sweep(b)
enter(b, 'key', b.op, '"hint":"' .. ARGV[4] .. '","expires":' .. ARGV[5] .. ',"operations":"' .. (ARGV[6] == '-' and '' or ARGV[6]) .. '",', 0)
commit(b, KEYS[4])
redis.call('HSET', KEYS[2], 'account', b.account, 'created', digits(b.now), 'expires', ARGV[5], 'revoked', '0',
  'hint', ARGV[4])
if ARGV[6] ~= '-' then
  redis.call('HSET', KEYS[2], 'operations', ARGV[6])
end
redis.call('SADD', KEYS[3], ARGV[3])
return answer(b, 'done')

#!lua
-- Put a new API key in the place of one, which lives on for a while. The new one is for the same operations, ends when
-- the old one would have ended, and is one with it to every limit.
--
-- uses: numbers clock books
--
-- KEYS  1 account  2 API key  3 new API key  4 the account's API keys  5 ledger
-- ARGV  1 op  2 account id  3 hash of the new key  4 its hint  5 overlap (seconds that the old one lives on)
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind>" with
--   done
--   repeat     the new key is stored already
--   conflict   the new key is another account's
--   unknown    no such account, or the old key is not its key (any more)

local b = read(ARGV[1], ARGV[2])
if not is_whole(ARGV[5]) or not find(ARGV[3], '^%x+$') or not find(ARGV[4], '^[%w_%-]*$') then
  return redis.error_reply('BADARG the hash, the hint or the overlap of the API key is malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local owner = redis.call('HGET', KEYS[3], 'account')
if owner then
  return answer(b, owner == b.account and 'repeat' or 'conflict')
end
local old = redis.call('HMGET', KEYS[2], 'account', 'expires', 'revoked', 'hint', 'operations', 'level')
local ends = old[2] == '0' and LIMIT or tonumber(old[2] or '0')
if old[1] ~= b.account or old[3] == '1' or ends <= b.now then
  return answer(b, 'unknown')
end
redis.call('SCARD', KEYS[4])

local till = math.min(ends, b.now + tonumber(ARGV[5]))
sweep(b)
enter(b, 'key', b.op, '"hint":"' .. ARGV[4] .. '","expires":' .. old[2] .. ',"operations":"' .. (old[5] or '')
  .. '","rotates":"' .. old[4] .. '","until":' .. digits(till) .. ',', 0)
commit(b, KEYS[5])
redis.call('HSET', KEYS[3], 'account', b.account, 'created', digits(b.now), 'expires', old[2], 'revoked', '0',
  'hint', ARGV[4], 'level', old[6] or string.match(KEYS[2], 'key:%x+$'))
if old[5] then
  redis.call('HSET', KEYS[3], 'operations', old[5])
end
redis.call('HSET', KEYS[2], 'expires', digits(till))
redis.call('SADD', KEYS[4], ARGV[3])
return answer(b, 'done')

#!lua
-- End a claim: keep the answer of its call, or say that there is none to give again. The oldest answers go where an
-- account's take too much; a claim is never forgotten before its time.
--
-- uses: numbers clock claim answers
--
-- KEYS  1 claim  2 the account's live keys  3 its answers  4 their order
-- ARGV  1 op id  2 account id  3 digest of the key  4 seconds that a key lives  5 bytes that an account's answers may take
--       6 the answer ("" = there is none to give again)
--
-- Replies "<op id> <account id> <word> <now> 0" with
--   done
--   repeat   it is kept already
--   gone     the claim is another call's, or forgotten

if not is_whole(ARGV[4]) or not is_whole(ARGV[5]) then
  return redis.error_reply('BADARG a number of seconds or bytes is not a whole number')
end
local now, size, most = clock(0), #ARGV[6], tonumber(ARGV[5])
local claim = claim_of(KEYS[1])
if not claim or claim.op ~= ARGV[1] then
  return say('gone', now)
end
if claim.state == 'done' then
  return say('repeat', now)
end
local bytes = tonumber(redis.call('HGET', KEYS[3], 'bytes') or '0')
redis.call('ZCARD', KEYS[2])
local count = redis.call('ZCARD', KEYS[4])

claim.state, claim.till = (size > 0 and size <= most) and 'done' or 'gone', 0
write_claim(claim, now, ARGV[4])
if claim.state == 'gone' then
  return say('done', now)
end
while bytes + size > most and count > 0 do
  let_go(redis.call('ZRANGE', KEYS[4], 0, 0)[1])
  bytes, count = tonumber(redis.call('HGET', KEYS[3], 'bytes')), count - 1
end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[6])
redis.call('HINCRBY', KEYS[3], 'bytes', digits(size))
redis.call('ZADD', KEYS[4], digits(redis.call('HINCRBY', KEYS[3], 'kept', 1)), ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[4])
redis.call('EXPIRE', KEYS[4], ARGV[4])
return say('done', now)

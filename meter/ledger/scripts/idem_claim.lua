#!lua
-- Claim an idempotency key for a call, or find what became of the call that claimed it before.
--
-- uses: numbers clock key claim answers
--
-- KEYS  1 claim  2 the account's live keys  3 its answers  4 their order  5 account
--       6 API key (absent where the app vouches for the account)
-- ARGV  1 op id  2 account id  3 digest of the key  4 fingerprint of the request  5 seconds that a claim lives
--       6 seconds that a key lives  7 how many keys an account may have
--
-- Replies "<op id> <account id> <word> <now> 0 ..." with
--   done       the key is this call's
--   repeat     the answer: a call with this key has ended with it
--   running    a call with this key runs
--   lapsed     its op id: the worker of the call that claimed the key seems to be dead
--   gone       a call with this key has ended, and its answer is not kept (any more)
--   conflict   the key was used for another request
--   capped     the seconds until the first key is free: the account has too many
--   unknown suspended

local SWEPT_MAX = 100
if not is_whole(ARGV[5]) or not is_whole(ARGV[6]) or not is_whole(ARGV[7]) then
  return redis.error_reply('BADARG a number of seconds or keys is not a whole number')
end
if not find(ARGV[3], '^%x+$') or not find(ARGV[4], '^%x+$') then
  return redis.error_reply('BADARG the digest or the fingerprint is malformed')
end
local now = clock(0)
if now >= key_open_until(KEYS[6], ARGV[2]) then
  return say('unknown', now)
end
if redis.call('HGET', KEYS[5], 'status') == 'suspended' then
  return say('suspended', now)
end
local claim = claim_of(KEYS[1])
if claim and not claim.state then
  return redis.error_reply('BADSTATE the claim on the key is malformed')
end
if claim and claim.state == 'running' and claim.op == ARGV[1] then
  return say('done', now)
end
if claim and claim.fingerprint ~= ARGV[4] then
  return say('conflict', now)
end
if claim and claim.state == 'running' then
  return claim.till > now and say('running', now) or say('lapsed', now, claim.op)
end
local answer = redis.call('HGET', KEYS[3], ARGV[3])
if claim then
  return claim.state == 'done' and answer and say('repeat', now, answer) or say('gone', now)
end
local after = '(' .. digits(now)
if redis.call('ZCOUNT', KEYS[2], after, '+inf') >= tonumber(ARGV[7]) then
  local first = redis.call('ZRANGEBYSCORE', KEYS[2], after, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  return say('capped', now, digits(tonumber(first[2]) - now))
end
redis.call('ZCARD', KEYS[4])

for _, digest in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', digits(now), 'LIMIT', 0, SWEPT_MAX)) do
  let_go(digest)
  redis.call('ZREM', KEYS[2], digest)
end
let_go(ARGV[3])
write_claim({ state = 'running', op = ARGV[1], fingerprint = ARGV[4], till = now + tonumber(ARGV[5]) }, now, ARGV[6])
return say('done', now)

#!lua
-- Take over the claim of a call whose worker seems to be dead, if that call was never charged: then it never will be.
--
-- uses: numbers clock operation claim
--
-- KEYS  1 claim  2 the account's live keys  3 record of the operation that claimed it
-- ARGV  1 op id  2 account id  3 digest of the key  4 fingerprint of the request  5 seconds that a claim lives
--       6 seconds that a key lives  7 op id of the operation that claimed it
--
-- Replies "<op id> <account id> <word> <now> 0" with
--   done    the key is this call's
--   gone    that call was charged, or may have been, and there is no answer to give again, unless its worker comes back
--   stale   the claim is another one by now: ask again

if not is_whole(ARGV[5]) or not is_whole(ARGV[6]) or not is_operation(ARGV[7]) then
  return redis.error_reply('BADARG a number of seconds is not a whole number, or the operation id is malformed')
end
local now = clock(0)
local claim = claim_of(KEYS[1])
if claim and claim.state == 'running' and claim.op == ARGV[1] then
  return say('done', now)
end
if not claim or claim.state ~= 'running' or claim.op ~= ARGV[7] or claim.till > now
  or claim.fingerprint ~= ARGV[4] then
  return say('stale', now)
end
local record = redis.call('GET', KEYS[3])
local never = record and find(record, '^voided ') or not record and not is_late(ARGV[7], now)
if not never then
  return say('gone', now)
end
redis.call('ZCARD', KEYS[2])

redis.call('SET', KEYS[3], tombstone(ARGV[2]), 'EX', RECORD_SECONDS)
write_claim({ state = 'running', op = ARGV[1], fingerprint = ARGV[4], till = now + tonumber(ARGV[5]) }, now, ARGV[6])
return say('done', now)

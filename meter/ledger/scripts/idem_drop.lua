#!lua flags=allow-oom
-- Forget a claim: its call was refused, or failed and was not charged, so that it may be tried again. Allowed in a full
-- store: it makes room.
--
-- uses: numbers clock claim
--
-- KEYS  1 claim  2 the account's live keys
-- ARGV  1 op id  2 account id  3 digest of the key
--
-- Replies "<op id> <account id> <word> <now> 0" with
--   done
--   gone   the claim is another call's, has its answer, or is forgotten

local now = clock(0)
local claim = claim_of(KEYS[1])
if not claim or claim.op ~= ARGV[1] or claim.state == 'done' then
  return say('gone', now)
end
redis.call('ZCARD', KEYS[2])

redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[3])
return say('done', now)

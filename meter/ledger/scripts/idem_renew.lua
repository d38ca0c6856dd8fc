#!lua
-- Let a claim live on: its call still runs.
--
-- uses: numbers clock claim
--
-- KEYS  1 claim  2 the account's live keys
-- ARGV  1 op id  2 account id  3 digest of the key  4 seconds that a claim lives  5 seconds that a key lives
--
-- Replies "<op id> <account id> <word> <now> 0" with
--   done
--   gone   the claim is another call's, ended, or forgotten

if not is_whole(ARGV[4]) or not is_whole(ARGV[5]) then
  return redis.error_reply('BADARG a number of seconds is not a whole number')
end
local now = clock(0)
local claim = claim_of(KEYS[1])
if not claim or claim.op ~= ARGV[1] or claim.state ~= 'running' then
  return say('gone', now)
end
redis.call('ZCARD', KEYS[2])

claim.till = now + tonumber(ARGV[4])
write_claim(claim, now, ARGV[5])
return say('done', now)

#!lua
-- Keep a letter whose delivery failed: for later, or as a dead one.
--
-- uses: numbers clock letters
--
-- KEYS  1 letters  2 waiting  3 dead
-- ARGV  1 tag  2 shard  3 id  4 attempts that have failed, this one included  5 why, in one word
--       6 seconds until the next one, or - to give up  7 dead letters that are kept
--
-- Replies "<tag> <shard> <word> <now> 0" with
--   done
--   repeat  so many attempts were counted before
--   gone    it does not wait (any more)

local now = clock(0)
local function say(word)
  return ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. word .. ' ' .. digits(now) .. ' 0'
end
if not is_whole(ARGV[4]) or not find(ARGV[5], '^[%w_]+$') or not is_whole(ARGV[7])
  or (ARGV[6] ~= '-' and not is_whole(ARGV[6])) then
  return redis.error_reply('BADARG the attempt is malformed')
end
redis.call('ZCARD', KEYS[3])
local attempts, rest = letter_of(KEYS[1], ARGV[3])
if not attempts or not redis.call('ZSCORE', KEYS[2], ARGV[3]) then
  return say('gone')
end
if tonumber(attempts) >= tonumber(ARGV[4]) then
  return say('repeat')
end

redis.call('HSET', KEYS[1], ARGV[3], ARGV[4] .. ' ' .. ARGV[5] .. ' ' .. rest)
if ARGV[6] == '-' then
  redis.call('ZREM', KEYS[2], ARGV[3])
  give_up(KEYS[1], KEYS[3], ARGV[3], now, ARGV[7])
else
  redis.call('ZADD', KEYS[2], digits(now + tonumber(ARGV[6])), ARGV[3])
end
return say('done')

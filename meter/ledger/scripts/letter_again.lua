#!lua
-- Let a letter be delivered at once, as if it had never failed: a dead one, or one that waits for its next attempt.
--
-- uses: numbers clock letters
--
-- KEYS  1 letters  2 waiting  3 dead
-- ARGV  1 tag  2 shard  3 id
--
-- Replies "<tag> <shard> <word> <now> 0" with done; gone: there is no such letter (any more)

local now = clock(0)
local attempts, rest = letter_of(KEYS[1], ARGV[3])
redis.call('ZCARD', KEYS[2])
redis.call('ZCARD', KEYS[3])
if attempts then
  redis.call('HSET', KEYS[1], ARGV[3], '0 - ' .. rest)
  redis.call('ZREM', KEYS[3], ARGV[3])
  redis.call('ZADD', KEYS[2], digits(now), ARGV[3])
end
return ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. (attempts and 'done' or 'gone') .. ' ' .. digits(now) .. ' 0'

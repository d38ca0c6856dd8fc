#!lua
-- Take a letter in hand: it is due again when whoever took it may be dead.
--
-- uses: numbers clock letters
--
-- KEYS  1 letters  2 waiting
-- ARGV  1 tag  2 shard  3 id  4 attempts that have failed, as far as is known  5 seconds until it is due again
--
-- Replies "<tag> <shard> <word> <now> 0" with done; gone: somebody else has it, or it is not due (any more)

local now = clock(0)
if not is_whole(ARGV[4]) or not is_whole(ARGV[5]) then
  return redis.error_reply('BADARG the attempts or the seconds are malformed')
end
local due, attempts = redis.call('ZSCORE', KEYS[2], ARGV[3]), letter_of(KEYS[1], ARGV[3])
local free = due and tonumber(due) <= now and attempts == ARGV[4]
if free then
  redis.call('ZADD', KEYS[2], digits(now + tonumber(ARGV[5])), ARGV[3])
end
return ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. (free and 'done' or 'gone') .. ' ' .. digits(now) .. ' 0'

#!lua
-- Remember how often a worker was here: a store that came back older remembers less.
--
-- uses: numbers clock
--
-- KEYS  1 store  2 beat
-- ARGV  1 tag  2 worker  3 number of this beat  4 seconds that it is remembered
--
-- Replies "<tag> <worker> done <now> 0 <epoch, or - where there is none> <number before, or -1 where there is none>"

if not is_whole(ARGV[3]) or not is_whole(ARGV[4]) or ARGV[4] == '0' then
  return redis.error_reply('BADARG the number of the beat or its life is not a whole number')
end
local epoch, before = redis.call('HGET', KEYS[1], 'epoch'), redis.call('GET', KEYS[2])
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4])
return ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0 ' .. (epoch or '-') .. ' ' .. (before or '-1')

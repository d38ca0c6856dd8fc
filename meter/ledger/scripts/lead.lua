#!lua
-- Let one worker do a task for all, until its term is over.
--
-- uses: numbers clock
--
-- KEYS  1 leader
-- ARGV  1 tag  2 worker  3 seconds of a term
--
-- Replies "<tag> <worker> done <now> 0 <whether it leads (0, 1)>"

if not is_whole(ARGV[3]) or ARGV[3] == '0' then
  return redis.error_reply('BADARG the term is no whole number of seconds')
end
local leader = redis.call('GET', KEYS[1])
local leads = not leader or leader == ARGV[2]
if leads then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
return ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0 ' .. (leads and '1' or '0')

#!lua flags=allow-oom
-- Forget a letter that has arrived. Allowed in a full store: it makes room.
--
-- uses: numbers clock
--
-- KEYS  1 letters  2 waiting
-- ARGV  1 tag  2 shard  3 id
--
-- Replies "<tag> <shard> <word> <now> 0" with done; gone: it does not wait (any more)

redis.call('HLEN', KEYS[1])
local waits = redis.call('ZREM', KEYS[2], ARGV[3]) == 1
if waits then
  redis.call('HDEL', KEYS[1], ARGV[3])
end
return ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. (waits and 'done' or 'gone') .. ' ' .. digits(clock(0)) .. ' 0'

#!lua
-- Keep up to where the entries of shards were looked at for notices, and when accounts are to be looked at again.
--
-- uses: numbers clock
--
-- KEYS  1 read  2 due
-- ARGV  1 tag  2 "notices"  3 "shard=stream id" each, joined by spaces  4 "account=second" each, likewise; 0: not again
--
-- Replies "<tag> notices done <now> 0"

redis.call('HLEN', KEYS[1])
redis.call('ZCARD', KEYS[2])
for shard, id in string.gmatch(ARGV[3], '(%d+)=(%d+%-%d+)') do
  redis.call('HSET', KEYS[1], shard, id)
end
for account, second in string.gmatch(ARGV[4], '([^ =]+)=(%d+)') do
  if second == '0' then
    redis.call('ZREM', KEYS[2], account)
  else
    redis.call('ZADD', KEYS[2], second, account)
  end
end
return ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0'

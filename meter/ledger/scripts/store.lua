#!lua
-- The store's own record: made by the first who comes, read by all.
--
-- uses: numbers clock
--
-- KEYS  1 store
-- ARGV  1 tag  2 "store"  3 format  4 shards  5 epoch
--
-- Replies "<tag> store done <now> 0 <format> <shards> <epoch>"

if redis.call('HLEN', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'format', ARGV[3], 'shards', ARGV[4], 'epoch', ARGV[5])
end
local record = redis.call('HMGET', KEYS[1], 'format', 'shards', 'epoch')
return ARGV[1] .. ' store done ' .. digits(clock(0)) .. ' 0 ' .. table.concat(record, ' ')

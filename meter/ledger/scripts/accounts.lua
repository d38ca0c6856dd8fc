#!lua flags=no-writes
-- A page of the account ids of a shard, in byte order.
--
-- uses: numbers clock
--
-- KEYS  1 accounts
-- ARGV  1 tag  2 shard  3 last id of the page before, or nothing  4 ids at most
--
-- Replies a list: "<tag> <shard> done <now> 0", then the ids

local from = ARGV[3] == '' and '-' or '(' .. ARGV[3]
local ids = redis.call('ZRANGEBYLEX', KEYS[1], from, '+', 'LIMIT', '0', ARGV[4])
table.insert(ids, 1, ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0')
return ids

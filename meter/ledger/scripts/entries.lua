#!lua flags=no-writes
-- A page of the entries of a shard, in order.
--
-- uses: numbers clock
--
-- KEYS  1 ledger
-- ARGV  1 tag  2 shard  3 first stream id ("(" before it: the one after)  4 last stream id  5 entries at most
--
-- Replies a list: "<tag> <shard> done <now> 0", then for each entry its stream id and its JSON text

local reply = { ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0' }
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[4], 'COUNT', ARGV[5])) do
  table.insert(reply, entry[1])
  table.insert(reply, entry[2][2])
end
return reply

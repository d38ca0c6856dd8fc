#!lua flags=no-writes
-- What is stored of some operations that hold, and where in the stream of entries that is: all entries up to there, and
-- no later one, have made it so.
--
-- uses: numbers clock position
--
-- KEYS  1 holds  2 ledger  3.. an operation's record each
-- ARGV  1 tag  2 shard  3.. the member of the holds of each
--
-- Replies a list: "<tag> <shard> done <now> 0 <stream id of the last entry, or 0-0>", then for each operation the second
-- at which the holds say that it expires, and its record; empty where there is none

local reply = { ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0 ' .. last_entry(KEYS[2]) }
for place = 3, #KEYS do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[place])
  table.insert(reply, score and digits(tonumber(score)) or '')
  table.insert(reply, redis.call('GET', KEYS[place]) or '')
end
return reply

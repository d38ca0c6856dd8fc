#!lua flags=no-writes
-- What the records of some operations say became of them.
--
-- uses: numbers clock
--
-- KEYS  1.. op
-- ARGV  1 tag  2 shard
--
-- Replies a list: "<tag> <shard> done <now> 0", then for each operation its state, or - where it has no record

local reply = { ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0' }
for _, key in ipairs(KEYS) do
  local record = redis.call('GET', key)
  table.insert(reply, record and string.match(record, '^%a+') or '-')
end
return reply

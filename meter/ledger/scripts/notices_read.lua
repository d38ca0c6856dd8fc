#!lua flags=no-writes
-- Up to where the entries of each shard were looked at for notices, and which accounts are to be looked at by now.
--
-- uses: numbers clock
--
-- KEYS  1 read  2 due
-- ARGV  1 tag  2 "notices"  3 accounts at most
--
-- Replies a list: "<tag> notices done <now> 0 <accounts>", then the accounts, and then for each shard its number and a
-- stream id

local now = clock(0)
if not is_whole(ARGV[3]) then
  return redis.error_reply('BADARG how many is malformed')
end
local reply = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', digits(now), 'LIMIT', '0', ARGV[3])
local count = #reply
table.insert(reply, 1, ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(now) .. ' 0 ' .. digits(count))
for _, text in ipairs(redis.call('HGETALL', KEYS[1])) do
  table.insert(reply, text)
end
return reply

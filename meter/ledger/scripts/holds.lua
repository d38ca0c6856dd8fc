#!lua flags=no-writes
-- A shard's open holds, those that expire first first.
--
-- uses: numbers clock
--
-- KEYS  1 holds
-- ARGV  1 tag  2 shard  3 which (all, overdue)  4 how many at most
--
-- Replies a list: "<tag> <shard> done <now> 0", then for each hold the second at which it expires, and "account|op"

if not is_whole(ARGV[4]) or ARGV[3] ~= 'all' and ARGV[3] ~= 'overdue' then
  return redis.error_reply('BADARG what to list is malformed')
end
local now = clock(0)
local upto = ARGV[3] == 'all' and '+inf' or digits(now)
local reply = { ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(now) .. ' 0' }
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', upto, 'WITHSCORES', 'LIMIT', '0', ARGV[4])
for i = 1, #found, 2 do
  table.insert(reply, digits(tonumber(found[i + 1])))
  table.insert(reply, found[i])
end
return reply

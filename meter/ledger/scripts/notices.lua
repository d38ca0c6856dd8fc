#!lua flags=no-writes
-- What a shard knows of its notices: the last ones, and the letters that wait or are dead.
--
-- uses: numbers clock
--
-- KEYS  1 notices  2 letters  3 waiting  4 dead
-- ARGV  1 tag  2 shard
--
-- Replies a list: "<tag> <shard> done <now> 0 <notices> <letters that wait>", then each notice as "second account name",
-- the newest first, and then for each letter, those that wait before the dead ones, its id, the second of its next
-- attempt or of its end, and its text

local told = redis.call('LRANGE', KEYS[1], '0', '-1')
local reply = { '' }
for _, line in ipairs(told) do
  table.insert(reply, line)
end
local waiting = redis.call('ZCARD', KEYS[3])
for place = 3, 4 do
  local found = redis.call('ZRANGE', KEYS[place], '0', '-1', 'WITHSCORES')
  for i = 1, #found, 2 do
    table.insert(reply, found[i])
    table.insert(reply, digits(tonumber(found[i + 1])))
    table.insert(reply, redis.call('HGET', KEYS[2], found[i]) or '')
  end
end
reply[1] = ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0 ' .. digits(#told) .. ' ' .. digits(waiting)
return reply

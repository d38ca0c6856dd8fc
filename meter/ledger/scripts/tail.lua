#!lua flags=no-writes
-- What is new in a shard: whose entries, and which letters are due.
--
-- uses: numbers clock
--
-- KEYS  1 ledger  2 letters  3 waiting
-- ARGV  1 tag  2 shard  3 stream id of the last entry that is known (0-0 for none)  4 entries at most  5 letters at most
--
-- Replies a list: "<tag> <shard> done <now> 0 <stream id of the last entry read, or -> <entries read> <accounts>", then
-- the accounts, each once, and then for each letter its id, the second at which it is due, and its text

local now = clock(0)
if not find(ARGV[3], '^%d+%-%d+$') or not is_whole(ARGV[4]) or not is_whole(ARGV[5]) then
  return redis.error_reply('BADARG the place or the numbers are malformed')
end
local entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[3], '+', 'COUNT', ARGV[4])
local known, reply = {}, { '' }
for _, entry in ipairs(entries) do
  local account = string.match(entry[2][2], '"account":"([^"]+)"')
  if account and not known[account] then
    known[account] = true
    table.insert(reply, account)
  end
end
reply[1] = ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(now) .. ' 0 '
  .. (#entries > 0 and entries[#entries][1] or '-') .. ' ' .. digits(#entries) .. ' ' .. digits(#reply - 1)
local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', digits(now), 'WITHSCORES', 'LIMIT', '0', ARGV[5])
for i = 1, #due, 2 do
  table.insert(reply, due[i])
  table.insert(reply, digits(tonumber(due[i + 1])))
  table.insert(reply, redis.call('HGET', KEYS[2], due[i]) or '')
end
return reply

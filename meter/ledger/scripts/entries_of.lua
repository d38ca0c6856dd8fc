#!lua flags=no-writes
-- The entries of one account among the last of its shard, the newest first.
--
-- uses: numbers clock
--
-- KEYS  1 ledger
-- ARGV  1 tag  2 account id  3 newest stream id ("(" before it: the one before it; "+": the last)
--       4 how many entries of the shard are looked at  5 how many of the account are given at most
--
-- Replies a list: "<tag> <account id> done <now> 0", the stream id of the entry that was looked at last, or nothing
-- where there is none before it, then for each entry of the account its stream id and its JSON text

if not is_whole(ARGV[4]) or not is_whole(ARGV[5]) then
  return redis.error_reply('BADARG how many entries to look at is malformed')
end
local wanted, looked_at, rest = ',"account":"' .. ARGV[2] .. '",', tonumber(ARGV[4]), tonumber(ARGV[5])
local page = redis.call('XREVRANGE', KEYS[1], ARGV[3], '-', 'COUNT', ARGV[4])
local reply = { ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0',
  #page < looked_at and '' or page[#page][1] }
for _, entry in ipairs(page) do
  if find(entry[2][2], wanted, 1, true) then
    table.insert(reply, entry[1])
    table.insert(reply, entry[2][2])
    rest = rest - 1
    if rest == 0 then
      reply[2] = entry[1]
      break
    end
  end
end
return reply

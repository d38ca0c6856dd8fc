#!lua flags=no-writes
-- An account exactly as it is stored, and where in the stream of entries that is: all entries up to there, and no later
-- one, have made it so.
--
-- uses: numbers clock position
--
-- KEYS  1 account  2 used  3 ledger
-- ARGV  1 tag  2 account id  3 the fields that are asked for, joined by commas
--
-- Replies a list: "<tag> <account id> <word> <now> 0 <stream id of the last entry, or 0-0>" where the word is
--   done     and then for each field its text, empty where there is none, then for each operation used in this period
--            its name and amount
--   unknown

local known = redis.call('EXISTS', KEYS[1]) == 1
local reply = { ARGV[1] .. ' ' .. ARGV[2] .. (known and ' done ' or ' unknown ') .. digits(clock(0)) .. ' 0 '
  .. last_entry(KEYS[3]) }
if known then
  for field in string.gmatch(ARGV[3], '[^,]+') do
    table.insert(reply, redis.call('HGET', KEYS[1], field) or '')
  end
  for _, text in ipairs(redis.call('HGETALL', KEYS[2])) do
    table.insert(reply, text)
  end
end
return reply

#!lua flags=no-writes
-- The limits of a root and all below it, and what was spent of each.
--
-- uses: numbers clock position
--
-- KEYS  1 limits  2 ledger
-- ARGV  1 tag  2 root
--
-- Replies a list: "<tag> <root> done <now> 0 <stream id of the last entry, or 0-0>", then for each level its name and
-- its text, as parts/limits.lua has it

local reply = { ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0 ' .. last_entry(KEYS[2]) }
for _, text in ipairs(redis.call('HGETALL', KEYS[1])) do
  table.insert(reply, text)
end
return reply

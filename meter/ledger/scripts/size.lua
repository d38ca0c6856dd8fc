#!lua flags=no-writes
-- How many accounts and entries a shard has, and how many bytes its entries take.
--
-- uses: numbers clock
--
-- KEYS  1 accounts  2 ledger
-- ARGV  1 tag  2 shard
--
-- Replies "<tag> <shard> done <now> 0 <accounts> <entries> <bytes>"

local accounts, entries = redis.call('ZCARD', KEYS[1]), redis.call('XLEN', KEYS[2])
local bytes = entries > 0 and redis.pcall('MEMORY', 'USAGE', KEYS[2]) or 0
if type(bytes) ~= 'number' then
  bytes = entries * 300
end
return ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0 ' .. digits(accounts) .. ' ' .. digits(entries)
  .. ' ' .. digits(bytes)

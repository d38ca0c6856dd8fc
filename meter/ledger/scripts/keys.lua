#!lua flags=no-writes
-- The hashes of all API keys of an account, in order.
--
-- uses: numbers clock
--
-- KEYS  1 the account's API keys
-- ARGV  1 tag  2 account id
--
-- Replies a list: "<tag> <account id> done <now> 0", then the hashes

local hashes = redis.call('SMEMBERS', KEYS[1])
table.insert(hashes, 1, ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0')
return hashes

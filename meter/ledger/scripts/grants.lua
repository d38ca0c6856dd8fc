#!lua flags=no-writes
-- The facts of some grants of an account, whether anything is left of them or not.
--
-- uses: numbers clock
--
-- KEYS  1 account
-- ARGV  1 tag  2 account id  3.. grant ids
--
-- Replies a list: "<tag> <account id> done <now> 0", then for each grant its facts (text_of_facts of books.lua), or
-- nothing where there never was one

local reply = { ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(clock(0)) .. ' 0' }
for place = 3, #ARGV do
  table.insert(reply, redis.call('HGET', KEYS[1], 'grant:' .. ARGV[place]) or '')
end
return reply

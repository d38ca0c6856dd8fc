#!lua flags=no-writes
-- When an account was opened, and what pricing needs of it.
--
-- uses: numbers clock books
--
-- KEYS  1 account
-- ARGV  1 tag  2 account id
--
-- Replies "<tag> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done     second (0 = nobody wrote it down) revision start end terms
--   unknown

local b = read(ARGV[1], ARGV[2])
if not b.known then
  return answer(b, 'unknown')
end
return answer(b, 'done', (redis.call('HGET', KEYS[1], 'opened') or '0') .. ' ' .. facts_of_account(b))

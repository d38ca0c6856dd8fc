#!lua flags=no-writes
-- What pricing needs of an account.
--
-- uses: numbers clock books
--
-- KEYS  1 account
-- ARGV  1 tag  2 account id
--
-- Replies "<tag> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done     revision start end terms
--   unknown

local b = read(ARGV[1], ARGV[2])
if not b.known then
  return answer(b, 'unknown')
end
return answer(b, 'done', facts_of_account(b))

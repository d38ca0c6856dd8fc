#!lua
-- Open an account with its first period and the grant that is included in it, and its trial, unless it exists.
--
-- uses: numbers clock books period
--
-- KEYS  1 account  2 accounts  3 ledger
-- ARGV  1 op  2 account id  3 period start  4 period end (0 = none)  5 included  6 overage limit  7 terms (JSON text)
--       8 trial  9 end of the trial (0 = none)
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind> revision start end terms" with
--   done     it is open
--   repeat   it was open before; nothing was changed

local b = read(ARGV[1], ARGV[2])
if not is_whole(ARGV[3]) or not is_whole(ARGV[4]) or not is_whole(ARGV[5]) or not is_whole(ARGV[6])
  or not is_whole(ARGV[8]) or not is_whole(ARGV[9]) then
  return redis.error_reply('BADARG the period or an amount of the terms is malformed')
end
if b.known then
  return answer(b, 'repeat', facts_of_account(b))
end
redis.call('ZCARD', KEYS[2])

b.lots, b.gone, b.left, b.held, b.held_overage, b.entries, b.add, b.set = {}, {}, 0, 0, 0, {}, {}, {}
b.revision, b.status, b.overage_limit, b.terms = '1', 'active', tonumber(ARGV[6]), ARGV[7]
local rest, amount = begin(b, ARGV[3], ARGV[4], ARGV[5])
enter(b, 'open', b.op, rest .. '"terms":' .. ARGV[7] .. ',', amount)
give(b, 'trial:signup', tonumber(ARGV[8]), ARGV[9], TRIAL_JSON)
b.set['revision'], b.set['status'], b.set['terms'], b.set['overage_limit'] = '1', 'active', ARGV[7], ARGV[6]
b.set['opened'] = digits(b.now)
for _, counter in ipairs({ 'granted', 'spent', 'expired', 'revoked', 'held', 'held_overage', 'rollable' }) do
  b.set[counter] = '0'
end
commit(b, KEYS[3])
redis.call('ZADD', KEYS[2], 0, b.account)
return answer(b, 'done', facts_of_account(b))

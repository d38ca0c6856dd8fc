#!lua
-- Begin a new period, by compare-and-set on the old one: what has expired goes, the included grant comes.
--
-- uses: numbers clock books period
--
-- KEYS  1 account  2 used  3 ledger
-- ARGV  1 op  2 account id  3 start of the old period  4 start  5 end (0 = none)  6 included
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind> revision start end terms" with
--   done     the new period runs
--   repeat   another one runs than the old one, or the old one is not over; nothing was changed
--   unknown  without more

local b = read(ARGV[1], ARGV[2])
if not is_whole(ARGV[3]) or not is_whole(ARGV[4]) or not is_whole(ARGV[5]) or not is_whole(ARGV[6]) then
  return redis.error_reply('BADARG the period or an amount of the terms is malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local over = b.finish ~= '0' and tonumber(b.finish) <= b.now
if b.start ~= ARGV[3] or not over or tonumber(ARGV[4]) <= tonumber(b.start) then
  return answer(b, 'repeat', facts_of_account(b))
end
local spent = 0
for _, used in ipairs(redis.call('HVALS', KEYS[2])) do
  spent = spent + tonumber(used)
end

sweep(b)
b.add['period_granted'] = nil
change(b, 'spent', spent)
local rest, amount = begin(b, ARGV[4], ARGV[5], ARGV[6])
enter(b, 'renew', b.op, '"spent":"' .. digits(spent) .. '",' .. rest, amount)
commit(b, KEYS[3])
redis.call('DEL', KEYS[2])
return answer(b, 'done', facts_of_account(b))

#!lua
-- Change an account's terms, from the next charge on. An account whose period has no end gets the end given.
--
-- Where a revision is given, the change moves credits as they were reckoned for that one: the period that runs gets the
-- end given, so much of what is left of its included credits is taken back, and so much is given; less what was to be
-- taken back, and is spent.
--
-- uses: numbers clock operation books period
--
-- KEYS  1 account  2 op  3 ledger
-- ARGV  1 op  2 account id  3 overage limit  4 end of the period that runs by the new terms (0 = none)
--       5 terms (JSON text)  6 revision before (- = any, and nothing moves)  7 start of the period that runs
--       8 given  9 taken back
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind>" with done, repeat, conflict, late, unknown,
--   stale    the terms or the period are others than what was reckoned with
--   lapsed   the period is over

local b = read(ARGV[1], ARGV[2])
if not is_whole(ARGV[3]) or not is_whole(ARGV[4]) or not is_whole(ARGV[8]) or not is_whole(ARGV[9]) then
  return redis.error_reply('BADARG the terms are malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local done = redis.call('GET', KEYS[2])
if done then
  return answer(b, done == 'terms ' .. b.account and 'repeat' or 'conflict')
end
if is_operation(ARGV[1]) and is_late(ARGV[1], b.now) then
  return answer(b, 'late')
end
local moves = ARGV[6] ~= '-'
if moves and b.finish ~= '0' and tonumber(b.finish) <= b.now then
  return answer(b, 'lapsed')
end
if moves and (ARGV[6] ~= b.revision or ARGV[7] ~= b.start) then
  return answer(b, 'stale')
end

sweep(b)
b.overage_limit, b.terms = tonumber(ARGV[3]), ARGV[5]
reorder(b)
b.set['terms'], b.set['overage_limit'] = ARGV[5], ARGV[3]
if moves or b.finish == '0' then
  b.finish, b.set['end'] = ARGV[4], ARGV[4]
end
change(b, 'revision', 1)
enter(b, 'terms', b.op, '"terms":' .. ARGV[5] .. ',', 0)
local owed = tonumber(ARGV[9])
for _, lot in ipairs(b.lots) do
  local part = is_included(b, lot) and math.min(owed, lot.left) or 0
  if part > 0 then
    lot.left, owed, b.granted = lot.left - part, owed - part, b.granted - part
    change(b, 'revoked', part)
    change(b, 'period_granted', -part)
    enter(b, 'reduce', b.op, '"grant":"' .. lot.id .. '","amount":"' .. digits(part) .. '",', -part)
  end
end
-- What can't be taken back, since it is spent, is not given.
give(b, 'period:' .. b.start .. ':' .. b.revision, tonumber(ARGV[8]) - owed, b.finish, INCLUDED_JSON)
commit(b, KEYS[3])
redis.call('SET', KEYS[2], 'terms ' .. b.account, 'EX', RECORD_SECONDS)
return answer(b, 'done')

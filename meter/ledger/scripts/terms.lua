#!lua
-- Change an account's terms, from the next charge on. An account whose period has no end gets the end given.
--
-- uses: numbers clock operation books
--
-- KEYS  1 account  2 op  3 ledger
-- ARGV  1 op  2 account id  3 overage limit  4 end of the period that runs by the new terms (0 = none)
--       5 terms (JSON text)
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind>" with done, repeat, conflict, late, unknown

local b = read(ARGV[1], ARGV[2])
if not is_whole(ARGV[3]) or not is_whole(ARGV[4]) then
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

sweep(b)
b.overage_limit = tonumber(ARGV[3])
b.set['terms'], b.set['overage_limit'] = ARGV[5], ARGV[3]
if b.finish == '0' then
  b.finish, b.set['end'] = ARGV[4], ARGV[4]
end
change(b, 'revision', 1)
enter(b, 'terms', b.op, '"terms":' .. ARGV[5] .. ',', 0)
commit(b, KEYS[3])
redis.call('SET', KEYS[2], 'terms ' .. b.account, 'EX', RECORD_SECONDS)
return answer(b, 'done')

#!lua
-- Suspend or resume an account.
--
-- uses: numbers clock operation books
--
-- KEYS  1 account  2 op  3 ledger
-- ARGV  1 op  2 account id  3 status (active, suspended)
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind>" with done, repeat, conflict, late, unknown

local b = read(ARGV[1], ARGV[2])
if ARGV[3] ~= 'active' and ARGV[3] ~= 'suspended' then
  return redis.error_reply('BADARG the status is malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local done = redis.call('GET', KEYS[2])
if done then
  return answer(b, done == 'status ' .. b.account .. ' ' .. ARGV[3] and 'repeat' or 'conflict')
end
if is_operation(ARGV[1]) and is_late(ARGV[1], b.now) then
  return answer(b, 'late')
end

sweep(b)
b.status, b.set['status'] = ARGV[3], ARGV[3]
enter(b, 'status', b.op, '"status":"' .. ARGV[3] .. '",', 0)
commit(b, KEYS[3])
redis.call('SET', KEYS[2], 'status ' .. b.account .. ' ' .. ARGV[3], 'EX', RECORD_SECONDS)
return answer(b, 'done')

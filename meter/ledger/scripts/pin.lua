#!lua
-- Change those of an account's terms that pricing alone looks at, unless they were changed since they were read: from the
-- next charge on.
--
-- uses: numbers clock operation books
--
-- KEYS  1 account  2 op  3 ledger
-- ARGV  1 op  2 account id  3 revision of the terms that were read  4 terms (JSON text)
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind>" with done, repeat, conflict, late, stale, unknown

local b = read(ARGV[1], ARGV[2])
if not is_whole(ARGV[3]) then
  return redis.error_reply('BADARG the revision is malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local done = redis.call('GET', KEYS[2])
if done then
  return answer(b, done == 'pin ' .. b.account and 'repeat' or 'conflict')
end
if is_operation(ARGV[1]) and is_late(ARGV[1], b.now) then
  return answer(b, 'late')
end
if b.revision ~= ARGV[3] then
  return answer(b, 'stale')
end

sweep(b)
b.set['terms'] = ARGV[4]
change(b, 'revision', 1)
enter(b, 'terms', b.op, '"terms":' .. ARGV[4] .. ',', 0)
commit(b, KEYS[3])
redis.call('SET', KEYS[2], 'pin ' .. b.account, 'EX', RECORD_SECONDS)
return answer(b, 'done')

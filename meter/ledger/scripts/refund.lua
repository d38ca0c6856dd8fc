#!lua
-- Give a charge back wholly, by its operation's record.
--
-- uses: numbers clock operation books giveback
--
-- KEYS  1 account  2 used  3 op  4 ledger
-- ARGV  1 op id  2 account id  3 grace (seconds that an adjustment grant lives)  4 reason (JSON text)
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done, repeat   amount remaining granted end
--   gone           nothing was charged under this id
--   late           the record may have been forgotten: look for the entry
--   unknown capped

local b = read(ARGV[1], ARGV[2])
if not is_operation(ARGV[1]) or not is_whole(ARGV[3]) then
  return redis.error_reply('BADARG the operation id or the grace is malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local record = record_of(KEYS[3], ARGV[1])
if not record then
  return answer(b, is_late(ARGV[1], b.now) and 'late' or 'gone')
end
if record.state == 'observed' or record.account ~= ARGV[2] then
  return answer(b, 'gone')
end
if record.state ~= 'charged' then
  return answer(b, 'repeat', digits(record.amount) .. ' ' .. balance(b, record.operation))
end
return undo(b, record, 'refund', 'refunded')

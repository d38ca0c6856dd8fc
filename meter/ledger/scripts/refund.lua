#!lua
-- Give a charge back by its operation's record, wholly or but for a share that is kept.
--
-- uses: numbers clock operation books limits record giveback
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 limits
-- ARGV  1 op id  2 account id  3 grace (seconds that an adjustment grant lives)  4 reason (JSON text)
--       5 what is kept of it (micro-credits)
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done, repeat   amount given back, remaining granted end
--   gone           nothing was charged under this id
--   late           the record may have been forgotten: look for the entry
--   unknown capped

local b = read(ARGV[1], ARGV[2])
if not is_operation(ARGV[1]) or not is_whole(ARGV[3]) or not is_whole(ARGV[5]) then
  return redis.error_reply('BADARG the operation id, the grace or what is kept is malformed')
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
local repeats = record.state == 'refunded' or record.state == 'voided'
if record.account ~= ARGV[2] or not repeats and record.state ~= 'charged' and record.state ~= 'settled' then
  return answer(b, 'gone')
end
if repeats then
  return answer(b, 'repeat', digits(record.back) .. ' ' .. balance(b, record.operation))
end
return undo(b, record, 'refund', 'refunded', tonumber(ARGV[5]))

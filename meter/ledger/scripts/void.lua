#!lua
-- Undo an operation of unknown fate: refund it if it was charged, release it if it is held, else leave a tombstone for a
-- late arrival.
--
-- uses: numbers clock operation books drawing limits record giveback closing
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 limits  6 holds
-- ARGV  1 op id  2 account id  3 grace (seconds that an adjustment grant lives)  4 reason (JSON text)
--       5 what is kept of it: nothing
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done     amount remaining granted end: it was charged or held, and is not any more
--   done     nothing more: it never was, and never will be
--   repeat   it is undone already
--   late     the record may have been forgotten: look for the entry
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
  if is_late(ARGV[1], b.now) then
    return answer(b, 'late')
  end
  redis.call('SET', KEYS[3], tombstone(ARGV[2]), 'EX', RECORD_SECONDS)
  return answer(b, 'done')
end
if record.account ~= ARGV[2] then
  return answer(b, 'gone')
end
if record.state == 'held' then
  local amount = record.amount
  levels_again(b, KEYS[5], record)
  close(b, record, 'release', 'voided', 0, tonumber(ARGV[3]), '"reason":' .. ARGV[4] .. ',', 0)
  return answer(b, 'done', digits(amount) .. ' ' .. record.receipt)
end
if record.state == 'charged' or record.state == 'settled' then
  return undo(b, record, 'void', 'voided', 0)
end
local first = record.state == 'observed'
record.state = 'voided'
write_record(KEYS[3], record)
return answer(b, first and 'done' or 'repeat')

#!lua
-- Close a hold at nothing: all of it goes back to the grants that it came from.
--
-- uses: numbers operation clock books drawing limits record giveback closing
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 limits  6 holds
-- ARGV  1 op id  2 account id  3 grace (seconds that an adjustment grant lives)  4 reason (JSON text)
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done, repeat   0 remaining granted end: nothing is charged
--   gone           there is nothing to release: never held, settled, or forgotten
--   unknown

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
if not record or record.account ~= ARGV[2] then
  return answer(b, 'gone')
end
if record.state == 'released' or record.state == 'expired' or record.state == 'voided' then
  return answer(b, 'repeat', '0 ' .. balance(b, record.operation))
end
if record.state ~= 'held' then
  return answer(b, 'gone')
end
levels_again(b, KEYS[5], record)
close(b, record, 'release', 'released', 0, tonumber(ARGV[3]), '"reason":' .. ARGV[4] .. ',', 0)
return answer(b, 'done', '0 ' .. record.receipt)

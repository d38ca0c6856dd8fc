#!lua
-- Close a hold that nobody closed in time, as was said when it was made: at nothing, or at the least that it is charged
-- for.
--
-- uses: numbers operation clock books drawing limits record giveback closing
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 limits  6 holds
-- ARGV  1 op id  2 account id  3 grace (seconds that an adjustment grant lives)
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done     amount charged, remaining granted end
--   repeat   amount charged, remaining granted end: it was closed before, however that came
--   gone     it has not expired yet, or there is no such hold (any more)
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
if not record or record.account ~= ARGV[2] or record.state == 'held' and record.till > b.now then
  return answer(b, 'gone')
end
if record.state ~= 'held' then
  local paid = record.state == 'charged' or record.state == 'settled' or record.state == 'refunded'
  local charged = paid and record.amount - record.back or 0
  return answer(b, 'repeat', digits(charged) .. ' ' .. balance(b, record.operation))
end
local released = record.by == 'release'
local price = released and 0 or math.min(record.at_least, record.amount)
local state = released and 'expired' or 'settled'
levels_again(b, KEYS[5], record)
close(b, record, 'expire_hold', state, price, tonumber(ARGV[3]), '"by":"' .. record.by .. '",', 0)
return answer(b, 'done', digits(record.amount) .. ' ' .. record.receipt)

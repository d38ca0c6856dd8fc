#!lua
-- Let a hold live on, and hold so much in all: as far as the account goes, where it does not go all the way.
--
-- uses: numbers operation clock books drawing limits record giveback closing
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 limits  6 holds
-- ARGV  1 op id  2 account id  3 amount to hold in all (micro-credits); less than is held changes nothing of it
--       4 seconds that it lives from now on  5 the least that it is charged for
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done       held remaining granted end: it lives on
--   short      held remaining granted end: it lives on, and nothing more could be held
--   gone       there is no open hold of this id
--   unknown

local b = read(ARGV[1], ARGV[2])
if not is_whole(ARGV[3]) or not is_whole(ARGV[4]) or not is_whole(ARGV[5]) then
  return redis.error_reply('BADARG an amount or the life of the hold is not a whole number within the limit')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local record = record_of(KEYS[3], ARGV[1])
if not record or record.state ~= 'held' or record.account ~= ARGV[2] then
  return answer(b, 'gone')
end
local wanted = math.max(0, tonumber(ARGV[3]) - record.amount)
levels_again(b, KEYS[5], record)
turn(b)
local more = b.status == 'active' and within_budgets(b, math.min(wanted, drawable(b, record.operation))) or 0
redis.call('XLEN', KEYS[4])
redis.call('ZCARD', KEYS[6])

record.till = b.now + tonumber(ARGV[4])
if more > 0 then
  sweep(b)
  local taken, overage = draw(b, record.operation, more)
  record.amount, record.overage = record.amount + more, record.overage + overage
  record.taken = joined(record.taken, taken)
  set_aside(b, more, overage)
  local call = { path = record.path, counted = count(b, more) }
  enter(b, 'extend', b.op, said_of(call) .. '"operation":"' .. record.operation .. '","amount":"'
    .. digits(more) .. '","taken":"' .. taken .. '","overage":"' .. digits(overage) .. '","until":' .. digits(record.till) .. ',', overage - more)
  commit(b, KEYS[4])
end
record.at_least = math.min(math.max(record.at_least, tonumber(ARGV[5])), record.amount)
write_record(KEYS[3], record)
redis.call('ZADD', KEYS[6], digits(record.till), member_of(b, b.op))
return answer(b, wanted > 0 and more == 0 and 'short' or 'done',
  digits(record.amount) .. ' ' .. balance(b, record.operation))

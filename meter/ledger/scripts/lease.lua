#!lua
-- Set credits aside that one process may spend while the store is away: a hold whose expiry charges all of it. It is
-- taken from the grants that pay for every operation, never from overage: of what they hold, a twentieth at most.
--
-- uses: numbers operation clock books drawing limits record
--
-- KEYS  1 account  2 op  3 ledger  4 holds
-- ARGV  1 op id  2 account id  3 the most that is taken (micro-credits)  4 seconds that it lives  5 owner (hex)
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done, repeat   amount remaining granted end: what the lease holds
--   short          there is nothing to take it from
--   gone           the lease has been closed
--   conflict late lapsed unknown suspended

local SHARE = 20

local op, owner = ARGV[1], ARGV[5]
if not is_operation(op) or not is_whole(ARGV[3]) or not is_whole(ARGV[4]) or not find(owner, '^%x+$') then
  return redis.error_reply('BADARG the operation id, the amount, the life of the lease or its owner is malformed')
end
local b = read(op, ARGV[2])
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local record = record_of(KEYS[2], op)
if record and record.account == ARGV[2] and record.owner == owner and record.state == 'held' then
  return answer(b, 'repeat', digits(record.amount) .. ' ' .. balance(b))
end
if record then
  return answer(b, record.state == 'held' and 'conflict' or 'gone')
end
if is_late(op, b.now) then
  return answer(b, 'late')
end
if b.status ~= 'active' then
  return answer(b, 'suspended')
end
if b.finish ~= '0' and tonumber(b.finish) <= b.now then
  return answer(b, 'lapsed')
end
local free = 0
for _, lot in ipairs(b.lots) do
  free = free + (lot.scope == '' and lot.left or 0)
end
local amount = math.min(tonumber(ARGV[3]), (free - free % SHARE) / SHARE)
if amount == 0 then
  return answer(b, 'short')
end
redis.call('XLEN', KEYS[3])
redis.call('ZCARD', KEYS[4])

sweep(b)
local taken = draw(b, '*', amount)
local till = b.now + tonumber(ARGV[4])
set_aside(b, amount, 0)
enter(b, 'lease', op, '"amount":"' .. digits(amount) .. '","taken":"' .. taken .. '","overage":"0","until":'
  .. digits(till) .. ',"owner":"' .. owner .. '",', -amount)
commit(b, KEYS[3])
local receipt = balance(b)
write_record(KEYS[2], { state = 'held', account = b.account, amount = amount, operation = 'lease', receipt = receipt,
  start = b.start, overage = 0, back = 0, taken = taken, till = till, by = 'charge', at_least = amount, seq = 0,
  owner = owner })
redis.call('ZADD', KEYS[4], digits(till), b.account .. '|' .. op)
return answer(b, 'done', digits(amount) .. ' ' .. receipt)

#!lua
-- Charge a call afterwards that was served while the store was away, or whose charge the store has lost: as far as the
-- account goes. What is counted is charged once by its seq, however late it comes; anything else is charged
-- once while its operation has a record.
--
-- uses: numbers operation clock books drawing limits record
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 limits
-- ARGV  1 op id  2 account id  3 amount (micro-credits)  4 operation  5 quote (JSON object)
--       6 by which account of served calls it is counted (hex), or "-"  7 seq there
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done     amount charged, remaining granted end
--   repeat   0 remaining granted end: it is in the books already
--   stale    0 remaining granted end: one before this was never charged
--   lapsed   revision start end terms: the period is over, so that nothing would be there to charge
--   unknown

local op, price, operation, quote, tab = ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if not is_operation(op) or not is_whole(price) or not is_whole(ARGV[7]) or not find(tab, '^[%x-]+$') then
  return redis.error_reply('BADARG the operation id, the amount, the account of served calls or the seq is malformed')
end
if #quote > 3072 or string.byte(quote) ~= 123 or string.byte(quote, -1) ~= 125 then
  return redis.error_reply('BADARG the quote is not a JSON object of at most 3 KiB')
end
local b = read(op, ARGV[2])
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local seq, counted = tonumber(ARGV[7]), 0
if tab ~= '-' then
  counted = tonumber(redis.call('HGET', KEYS[1], 'served:' .. tab) or '0')
  if seq ~= counted + 1 then
    return answer(b, seq <= counted and 'repeat' or 'stale', '0 ' .. balance(b, operation))
  end
end
if redis.call('GET', KEYS[3]) then
  if tab ~= '-' then
    redis.call('HSET', KEYS[1], 'served:' .. tab, digits(seq))
  end
  return answer(b, 'repeat', '0 ' .. balance(b, operation))
end
if b.finish ~= '0' and tonumber(b.finish) <= b.now then
  return answer(b, 'lapsed', facts_of_account(b))
end
redis.call('XLEN', KEYS[4])
redis.call('HSTRLEN', KEYS[2], operation)

sweep(b)
read_levels(b, KEYS[5], levels_of(b.account))
turn(b)
local amount = within_budgets(b, math.min(tonumber(price), drawable(b, operation)))
local taken, overage = draw(b, operation, amount)
if tab ~= '-' then
  b.set['served:' .. tab] = digits(seq)
end
local asked = amount < tonumber(price) and '"asked":"' .. price .. '",' or ''
local its = { counted = count(b, amount) }
enter(b, 'late', op, said_of(its) .. '"operation":"' .. operation .. '","amount":"' .. digits(amount) .. '","taken":"'
  .. taken .. '","overage":"' .. digits(overage) .. '",' .. asked .. '"quote":' .. quote .. ',', overage - amount)
commit(b, KEYS[4])
if amount > 0 then
  redis.call('HINCRBY', KEYS[2], operation, digits(amount))
end
local receipt = balance(b, operation)
write_record(KEYS[3], { state = 'charged', account = b.account, amount = amount, operation = operation,
  receipt = receipt, start = b.start, overage = overage, back = 0, taken = taken, counted = its.counted })
return answer(b, 'done', digits(amount) .. ' ' .. receipt)

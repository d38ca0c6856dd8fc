#!lua
-- Close a hold at its final price; what it holds beyond that goes back to the grants that it came from. A hold that was
-- released because nobody closed it in time is charged anew, as far as the account goes.
--
-- uses: numbers operation clock books drawing limits record giveback closing
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 limits  6 holds
-- ARGV  1 op id  2 account id  3 grace (seconds that an adjustment grant lives)  4 price (micro-credits)
--       5 whether what is above the hold is drawn too, as far as the account goes (0, 1)  6 quote (JSON object)
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done, repeat   amount charged, remaining granted end
--   gone           there is nothing to settle: never held, released, undone, or forgotten
--   unknown

local b = read(ARGV[1], ARGV[2])
local price, quote = tonumber(ARGV[4]), ARGV[6]
if not is_operation(ARGV[1]) or not is_whole(ARGV[3]) or not is_whole(ARGV[4]) then
  return redis.error_reply('BADARG the operation id, the grace or the price is malformed')
end
if #quote > 3072 or string.byte(quote) ~= 123 or string.byte(quote, -1) ~= 125 then
  return redis.error_reply('BADARG the quote is not a JSON object of at most 3 KiB')
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
if record.state == 'settled' then
  return answer(b, 'repeat', digits(record.amount) .. ' ' .. balance(b, record.operation))
end
if record.state ~= 'held' and record.state ~= 'expired' then
  return answer(b, 'gone')
end

levels_again(b, KEYS[5], record)

local function asked(amount)
  return amount < price and '"asked":"' .. digits(price) .. '",' or ''
end

if record.state == 'held' then
  local covered = math.min(price, record.amount)
  local extra = ARGV[5] == '1' and math.min(price - covered, drawable(b, record.operation)) or 0
  turn(b)
  extra = within_budgets(b, extra)
  local rest = asked(covered + extra) .. '"quote":' .. quote .. ','
  close(b, record, 'settle', 'settled', covered, tonumber(ARGV[3]), rest, extra)
  return answer(b, 'done', digits(record.amount) .. ' ' .. record.receipt)
end

turn(b)
local amount = within_budgets(b, math.min(price, drawable(b, record.operation)))
redis.call('XLEN', KEYS[4])
redis.call('HSTRLEN', KEYS[2], record.operation)
sweep(b)
record.taken, record.overage = draw(b, record.operation, amount)
record.amount, record.start, record.counted = amount, b.start, count(b, amount)
enter(b, 'late', b.op, said_of(record) .. '"operation":"' .. record.operation .. '","amount":"' .. digits(amount)
  .. '","taken":"' .. record.taken .. '","overage":"' .. digits(record.overage) .. '",' .. asked(amount) .. '"quote":' .. quote .. ',',
  record.overage - amount)
commit(b, KEYS[4])
if amount > 0 then
  redis.call('HINCRBY', KEYS[2], record.operation, digits(amount))
end
record.state, record.receipt = 'settled', balance(b, record.operation)
write_record(KEYS[3], record)
return answer(b, 'done', digits(amount) .. ' ' .. record.receipt)

#!lua
-- Charge a call to the lease that it was served from while the store was away. The lease knows the seq that was posted
-- from it last for as long as it is open, so none is posted twice, however late it comes.
--
-- uses: numbers operation clock books drawing limits record giveback closing
--
-- KEYS  1 account  2 used  3 op of the lease  4 ledger  5 limits  6 holds  7 op
-- ARGV  1 op id  2 account id  3 op id of the lease  4 seq  5 amount (micro-credits)  6 operation
--       7 quote (JSON object)
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done, repeat   what the lease holds, remaining granted end
--   stale          what the lease holds, remaining granted end: one before this was never posted
--   conflict       the lease does not hold so much
--   gone           the lease is not open (any more)
--   unknown

local op, price, operation, quote = ARGV[1], ARGV[5], ARGV[6], ARGV[7]
if not is_operation(op) or not is_operation(ARGV[3]) or not is_whole(ARGV[4]) or not is_whole(price) then
  return redis.error_reply('BADARG an operation id, the seq or the amount is malformed')
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
local lease = record_of(KEYS[3], ARGV[3])
if not lease or lease.account ~= ARGV[2] or lease.state ~= 'held' or not lease.seq then
  return answer(b, 'gone')
end
local seq, amount = tonumber(ARGV[4]), tonumber(price)
if seq ~= lease.seq + 1 then
  return answer(b, seq <= lease.seq and 'repeat' or 'stale', digits(lease.amount) .. ' ' .. balance(b, operation))
end
if amount > lease.amount then
  return answer(b, 'conflict')
end
redis.call('XLEN', KEYS[4])
redis.call('HSTRLEN', KEYS[2], operation)
redis.call('STRLEN', KEYS[7])
read_levels(b, KEYS[5], levels_of(b.account))

-- What a lease was taken from, without what has paid for calls: they are paid by what would have been burnt first.
local function rest(taken, paid)
  local parts = {}
  for id, burnt in string.gmatch(taken, '([^=,]+)=(%d+)') do
    local more = math.max(0, tonumber(burnt) - paid)
    paid = math.max(0, paid - tonumber(burnt))
    if more > 0 then
      table.insert(parts, id .. '=' .. digits(more))
    end
  end
  return table.concat(parts, ',')
end

sweep(b)
local paid = kept(lease, amount)
b.held = b.held - amount
change(b, 'held', -amount)
turn(b)
local its = { counted = count(b, amount) }
enter(b, 'post', op, said_of(its) .. '"operation":"' .. operation .. '","amount":"' .. price .. '","taken":"' .. paid
  .. '","overage":"0","lease":"' .. lease.op .. '","seq":' .. digits(seq) .. ',"quote":' .. quote .. ',', 0)
commit(b, KEYS[4])
redis.call('HINCRBY', KEYS[2], operation, price)
lease.taken, lease.amount, lease.seq = rest(lease.taken, amount), lease.amount - amount, seq
write_record(KEYS[3], lease)
local receipt = balance(b, operation)
if redis.call('EXISTS', KEYS[7]) == 0 then
  write_record(KEYS[7], { state = 'charged', account = b.account, amount = amount, operation = operation,
    receipt = receipt, start = b.start, overage = 0, back = 0, taken = paid, counted = its.counted })
end
return answer(b, 'done', digits(lease.amount) .. ' ' .. receipt)

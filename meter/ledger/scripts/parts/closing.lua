-- Closing a hold: once, at a price, and the rest back to the very grants that it came from.
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 limits  6 holds

-- What paid in the end, of what was taken: what was burnt last has gone back first, and overage before all.
local function kept(record, amount)
  local parts = {}
  for id, burnt in string.gmatch(record.taken, '([^=,]+)=(%d+)') do
    local part = math.min(amount, tonumber(burnt))
    amount = amount - part
    if part > 0 then
      table.insert(parts, id .. '=' .. digits(part))
    end
  end
  return table.concat(parts, ','), amount
end

-- Give back what a hold has beyond a price. Returns where it went, and how much of it had been overage. A hold counts
-- in the period that runs, whichever it was made in: that one began with what was held. A lease is the hold of no call.
local function unhold(b, record, price, grace)
  record.start = b.start
  local to, overage = give_back(b, record, 0, record.amount - price, grace)
  b.held, b.granted, b.overage = b.held - record.amount, b.granted - overage, b.overage - overage
  change(b, 'held', -record.amount)
  change(b, 'held_overage', -record.overage)
  change(b, 'holding', record.seq and 0 or -1)
  change(b, 'granted', -overage)
  change(b, 'period_granted', -overage)
  change(b, 'overage', -overage)
  return to, overage
end

local function member_of(b, op)
  return b.account .. '|' .. op
end

-- Close at a price of at most what is held; at nothing, all of it goes back. `state` is what the operation is from now
-- on. `extra` is what is drawn above the hold; `rest` is JSON members of the entry. The levels that it was counted
-- at are read by now.
local function close(b, record, kind, state, price, grace, rest, extra)
  redis.call('XLEN', KEYS[4])
  redis.call('HSTRLEN', KEYS[2], record.operation)
  redis.call('ZCARD', KEYS[6])
  sweep(b)
  local held = record.amount
  local to, overage = unhold(b, record, price, grace)
  record.taken, record.overage = kept(record, price)
  local delta, more = held - price - overage, ''
  count_less(b, record, held - price)
  if extra > 0 then
    local drawn, beyond = draw(b, record.operation, extra)
    record.taken, record.overage = joined(record.taken, drawn), record.overage + beyond
    delta = delta - extra + beyond
    count(b, extra)
    more = '"extra":"' .. digits(extra) .. '","drawn":"' .. drawn .. '",'
  end
  record.amount = price + extra
  enter(b, kind, record.op, said_of(record) .. '"operation":"' .. record.operation .. '","amount":"'
    .. digits(record.amount) .. '","held":"' .. digits(held) .. '","taken":"' .. record.taken .. '","overage":"' .. digits(record.overage)
    .. '","to":"' .. to .. '","back":"' .. digits(overage) .. '",' .. more .. rest, delta)
  commit(b, KEYS[4])
  if record.amount > 0 then
    redis.call('HINCRBY', KEYS[2], record.operation, digits(record.amount))
  end
  record.state, record.receipt = state, balance(b, record.operation)
  write_record(KEYS[3], record)
  redis.call('ZREM', KEYS[6], member_of(b, record.op))
end

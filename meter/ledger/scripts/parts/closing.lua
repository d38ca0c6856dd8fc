-- Closing a hold: once, at a price, and the rest back to the very grants that it came from.
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 holds

-- Count a hold of an earlier period in the one that runs, whose grants it has been part of since that began.
local function carry(b, record)
  if record.start ~= b.start then
    b.overage = b.overage + record.overage
    change(b, 'overage', record.overage)
    record.begun, record.start = record.start, b.start
  end
end

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

-- Give back what a hold has beyond a price. Returns where it went, how much of it had been overage, and all of it.
local function unhold(b, record, price, grace)
  carry(b, record)
  local back = record.amount - price
  local to, overage = give_back(b, record, 0, back, grace)
  b.held, b.granted, b.overage = b.held - record.amount, b.granted - overage, b.overage - overage
  change(b, 'held', -record.amount)
  change(b, 'granted', -overage)
  change(b, 'period_granted', -overage)
  change(b, 'overage', -overage)
  return to, overage, back
end

local function member_of(b, op)
  return b.account .. '|' .. op
end

-- The period in which a hold was last counted, where another one runs by now.
local function begun(record)
  return record.begun and '"begun":' .. record.begun .. ',' or ''
end

-- Write the books, the record in the state that it has from now on, and strike the hold off the list.
local function write_closed(b, record, state)
  commit(b, KEYS[4])
  if record.amount > 0 and state == 'settled' then
    redis.call('HINCRBY', KEYS[2], record.operation, digits(record.amount))
  end
  record.state, record.receipt = state, balance(b, record.operation)
  write_record(KEYS[3], record)
  redis.call('ZREM', KEYS[5], member_of(b, record.op))
end

-- Close at a price of at most what is held. `extra` is what the price is above the hold, as it was drawn for it: its
-- `taken` and `overage`. `rest` is JSON members of the entry.
local function close_at(b, record, kind, price, grace, rest, extra)
  sweep(b)
  local held = record.amount
  local to, overage, back = unhold(b, record, price, grace)
  record.taken, record.overage = kept(record, price)
  local delta, more = back - overage, ''
  if extra > 0 then
    local taken, beyond = draw(b, record.operation, extra)
    record.taken = joined(record.taken, taken)
    record.overage, delta = record.overage + beyond, delta - extra + beyond
    more = '"extra":"' .. digits(extra) .. '",'
  end
  record.amount = price + extra
  enter(b, kind, record.op, '"operation":"' .. record.operation .. '","amount":"' .. digits(record.amount)
    .. '","held":"' .. digits(held) .. '","taken":"' .. record.taken .. '","overage":"' .. digits(record.overage)
    .. '","to":"' .. to .. '","back":"' .. digits(overage) .. '",' .. begun(record) .. more .. rest, delta)
  redis.call('HSTRLEN', KEYS[2], record.operation)
  redis.call('ZCARD', KEYS[5])
  write_closed(b, record, 'settled')
end

-- Close at nothing; `state` is what the operation is from now on.
local function close_at_nothing(b, record, kind, state, grace, rest)
  sweep(b)
  local to, overage, back = unhold(b, record, 0, grace)
  enter(b, kind, record.op, '"operation":"' .. record.operation .. '","amount":"' .. digits(back) .. '","to":"' .. to
    .. '","overage":"' .. digits(overage) .. '",' .. begun(record) .. rest, back - overage)
  redis.call('ZCARD', KEYS[5])
  record.taken, record.overage = '', 0
  write_closed(b, record, state)
end

-- Refunds: credits go back to the grants that they left, or to an adjustment grant where those are gone.
local ADJUSTMENT_JSON = '{"kind":"adjustment","note":"credits given back after their grant had ended"}'

-- An adjustment grant lives `grace` seconds, rounded up to the hour: refunds of one hour share one.
local function adjustment(b, id, scope, grace)
  local expires = math.ceil((b.now + grace) / 3600) * 3600
  local name = 'adjustment:' .. digits(expires) .. (scope == '' and '' or ':' .. id)
  return name, { created = b.now, priority = 0, expires = expires, cost = 0, scope = scope }
end

-- The lot that credits of a grant go back to, and its facts.
local function home(b, id, grace)
  local facts = facts_of(b, id) or { expires = 1, scope = '' }
  local revoked = redis.call('HEXISTS', KEYS[1], 'revoked:' .. id) == 1
  if not revoked and (facts.expires == 0 or facts.expires > b.now) then
    return id, facts
  end
  local name, made = adjustment(b, id, facts.scope, grace)
  if redis.call('HEXISTS', KEYS[1], 'grant:' .. name) == 0 then
    b.set['grant:' .. name] = text_of_facts(made, 0, ADJUSTMENT_JSON)
  else
    made = facts_of(b, name)
  end
  return name, made
end

-- Give back `amount` of a charge of which `skip` was given back before: what was burnt last comes back first, and
-- overage is burnt last of all. Returns where it went ("grant=amount,..."), and how much of it had been overage.
local function give_back(b, charge, skip, amount, grace)
  local parts, owed = {}, amount
  for id, burnt in string.gmatch(charge.taken, '([^=,]+)=(%d+)') do
    table.insert(parts, 1, { id, tonumber(burnt) })
  end
  table.insert(parts, 1, { false, charge.overage })
  local to, overage = {}, 0
  for _, part in ipairs(parts) do
    local skipped = math.min(skip, part[2])
    local back = math.min(owed, part[2] - skipped)
    skip, owed = skip - skipped, owed - back
    if back > 0 and not part[1] then
      overage = overage + back
    elseif back > 0 then
      local id, facts = home(b, part[1], grace)
      put(b, id, back, facts)
      table.insert(to, id .. '=' .. digits(back))
    end
  end
  return table.concat(to, ','), overage
end

-- The counters of a refund. A charge of this period was never consumed; one of an earlier period stays consumed there,
-- and what comes back can be spent in this one.
local function uncount(b, charge, amount, overage)
  change(b, 'granted', -overage)
  if charge.start == b.start then
    b.granted, b.overage = b.granted - overage, b.overage - overage
    change(b, 'period_granted', -overage)
    change(b, 'overage', -overage)
    b.used = -amount
    return
  end
  b.granted = b.granted + amount - overage
  change(b, 'spent', -amount)
  change(b, 'period_granted', amount - overage)
end

-- Whether what comes back fits: a charge of an earlier period comes back on top of what this one grants.
local function fits(b, charge, amount)
  return charge.start == b.start or b.granted + amount <= LIMIT
end

-- Refund, whole or in part, and write it down; `rest` is JSON members of the entry.
local function refund(b, kind, charge, skip, amount, grace, rest)
  sweep(b)
  local to, overage = give_back(b, charge, skip, amount, grace)
  uncount(b, charge, amount, overage)
  levels_again(b, KEYS[5], charge)
  count_less(b, charge, amount)
  enter(b, kind, b.op, said_of(charge) .. '"of":"' .. charge.op .. '","operation":"' .. charge.operation
    .. '","amount":"' .. digits(amount) .. '","to":"' .. to .. '","overage":"' .. digits(overage) .. '",' .. rest, amount - overage)
  redis.call('HSTRLEN', KEYS[2], charge.operation)
  commit(b, KEYS[4])
  if b.used then
    redis.call('HINCRBY', KEYS[2], charge.operation, digits(b.used))
  end
end

-- Undo by the record what was not given back before, but for what is kept; `state` is what the operation is from now on.
local function undo(b, record, kind, state, keep)
  local amount = math.max(0, record.amount - record.back - keep)
  if not fits(b, record, amount) then
    return answer(b, 'capped')
  end
  refund(b, kind, record, record.back, amount, tonumber(ARGV[3]), '"reason":' .. ARGV[4] .. ',')
  record.state, record.back = state, record.back + amount
  write_record(KEYS[3], record)
  return answer(b, 'done', digits(amount) .. ' ' .. balance(b, record.operation))
end

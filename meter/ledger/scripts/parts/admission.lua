-- Admission: why an order is not taken, in the order in which it is asked.

-- The reply to an order whose operation has a record already. `fits` are the states in which it is this very step again.
local function known_before(b, record, price, operation, fits)
  local state, whose, cost, what, receipt = string.match(record, '^(%a+) (%S+) (%d+) (%S+) (%d+ %d+ %d+) ')
  if state == 'voided' or state == 'refunded' then
    return answer(b, 'voided')
  end
  local same = fits[state] and whose == b.account and cost == price and what == operation
  return answer(b, same and 'repeat' or 'conflict', same and receipt or nil)
end

-- The reply to an order that its account can't take; nil where it can. `open_until` is when the API key ends.
local function refusal(b, op, operation, revision, open_until, owed)
  if is_late(op, b.now) then
    return answer(b, 'late')
  end
  if not b.known or b.now >= open_until then
    return answer(b, 'unknown')
  end
  if b.status ~= 'active' then
    return answer(b, 'suspended')
  end
  if b.finish ~= '0' and tonumber(b.finish) <= b.now then
    return answer(b, 'lapsed', facts_of_account(b))
  end
  if b.revision ~= revision then
    return answer(b, 'stale', facts_of_account(b))
  end
  if b.broken then
    return redis.error_reply('BADSTATE the burn list of the account is malformed')
  end
  if owed > drawable(b, operation) then
    return answer(b, 'short', balance(b, operation))
  end
end

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

-- Whether one of some operations ("name,name.*,...") is this one.
local function is_among(operation, allowed)
  for name in string.gmatch(allowed, '[^,]+') do
    local stem = string.match(name, '^(.*)%*$')
    if name == operation or stem and string.sub(operation, 1, #stem) == stem then
      return true
    end
  end
  return false
end

-- A member is an account that calls and has no purse of its own: nil where it may, else the word against it. Its
-- revision says that the terms still stand by which this account pays for it.
local function against_member(member, revision)
  local status, is = redis.call('HGET', member, 'status'), redis.call('HGET', member, 'revision')
  return is ~= revision and 'unknown' or status ~= 'active' and 'suspended' or nil
end

-- The reply to an order that its account can't take; nil where it can. `key` is what is known of the API key: until
-- when it is open, and for which operations; `against` is the word against a member.
local function refusal(b, op, operation, revision, key, against, owed)
  if is_late(op, b.now) then
    return answer(b, 'late')
  end
  if not b.known or b.now >= key.open_until or against == 'unknown' then
    return answer(b, 'unknown')
  end
  if b.status ~= 'active' or against then
    return answer(b, 'suspended')
  end
  if b.finish ~= '0' and tonumber(b.finish) <= b.now then
    return answer(b, 'lapsed', facts_of_account(b))
  end
  if b.revision ~= revision then
    return answer(b, 'stale', facts_of_account(b))
  end
  if b.broken then
    return redis.error_reply('BADSTATE the burn list of the account, or a limit, is malformed')
  end
  if key.operations and not is_among(operation, key.operations) then
    return answer(b, 'barred')
  end
  if owed > drawable(b, operation) then
    return answer(b, 'short', balance(b, operation))
  end
  turn(b)
  local over = over_limit(b, owed)
  if over then
    return answer(b, 'capped', balance(b, operation) .. ' ' .. over)
  end
end

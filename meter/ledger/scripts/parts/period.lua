-- Begin a period: its number in the books, and the grant that is included in it.
local INCLUDED_PRIORITY = 10
local INCLUDED_JSON = '{"kind":"included","note":""}'

-- ARGV start, end (0 = none), included -> the entry's members and what the grant holds. The books' counters of the
-- period must be at zero use; what the grants still hold, and what holds have set aside, opens the new period. So does the
-- overage in holds: it will be used in this period if at all, and its limit is one for both.
local function begin(b, start, finish, included)
  b.start, b.finish, b.overage = start, finish, b.held_overage
  local amount = math.min(tonumber(included), LIMIT - b.left - b.held)
  b.granted = b.left + b.held + amount
  b.set['start'], b.set['end'] = start, finish
  b.set['overage'], b.set['period_granted'] = digits(b.overage), digits(b.granted)
  local id = 'period:' .. start
  local facts = { created = b.now, priority = INCLUDED_PRIORITY, expires = tonumber(finish), cost = 0, scope = '' }
  if amount > 0 then
    put(b, id, amount, facts)
    b.set['grant:' .. id] = text_of_facts(facts, amount, INCLUDED_JSON)
    change(b, 'granted', amount)
  end
  return '"grant":"' .. id .. '","amount":"' .. digits(amount) .. '","end":' .. finish .. ',', amount
end

-- Begin a period: its number in the books, and the grants that come with it. All that the ledger gives by itself, it
-- gives here.
local INCLUDED_JSON = '{"kind":"included","note":""}'
local TRIAL_JSON = '{"kind":"trial","note":""}'
local ROLLOVER_JSON = '{"kind":"rollover","note":""}'
-- What is lost first is burnt first.
local PRIORITY = { [TRIAL_JSON] = 8, [ROLLOVER_JSON] = 9, [INCLUDED_JSON] = 10 }

local function lot_of(b, id, amount, expires, json)
  local facts = { created = b.now, priority = PRIORITY[json], expires = tonumber(expires), cost = 0, scope = '' }
  put(b, id, amount, facts)
  b.set['grant:' .. id] = text_of_facts(facts, amount, json)
  change(b, 'granted', amount)
end

-- Give a lot beside the one that begins a period, as far as an account can hold it, by an entry of its own.
local function give(b, id, wanted, expires, json)
  local amount = math.min(wanted, LIMIT - b.granted)
  if amount <= 0 then
    return
  end
  lot_of(b, id, amount, expires, json)
  b.granted = b.granted + amount
  change(b, 'period_granted', amount)
  enter(b, 'grant', id, '"grant":"' .. id .. '","amount":"' .. digits(amount) .. '","priority":'
    .. digits(PRIORITY[json]) .. ',"expires":' .. expires .. ',"cost":"0","scope":"","facts":' .. json .. ',', amount)
end

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
  if amount > 0 then
    lot_of(b, id, amount, finish, INCLUDED_JSON)
  end
  return '"grant":"' .. id .. '","amount":"' .. digits(amount) .. '","end":' .. finish .. ',', amount
end

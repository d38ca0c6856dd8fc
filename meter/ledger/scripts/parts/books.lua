-- An account's books, for every step but the plain charge: read, changed in memory, and written at once by `commit`,
-- so that nothing is written before everything is checked.
--
-- `lots` is the burn list, `left` what it holds in all, `others` what the lots behind its first one hold. A plain
-- charge takes from the first lot and writes `left` alone: so what the first lot holds is `left` less `others`, and
-- what the list says of it is what it held when the list was written.

-- Who asks for the step, as a member of its entry: whoever does so by name gives it as one more argument, behind all
-- that the step's header says, with "@" before it. No other argument of a step begins so.
local function actor_of()
  local name = string.match(ARGV[#ARGV], '^@([%w%._:%-]+)$')
  return name and ',"actor":"' .. name .. '"' or ''
end

-- Read the books of KEYS[1]: `lots` and `granted` without what has expired by now, `left` with it until `sweep` writes
-- it down; `held` is what open holds have set aside, `held_overage` what of that is overage. `known` is false where there
-- is no such account, `broken` true where the burn list can't be read or does not add up.
local function read(op, account)
  local raw = redis.call('HMGET', KEYS[1], 'lots', 'revision', 'status', 'start', 'end', 'seen', 'period_granted',
    'overage', 'overage_limit', 'terms', 'left', 'others', 'held', 'held_overage')
  local now, behind = clock(tonumber(raw[6] or '0'))
  local b = { op = op, account = account, now = now, behind = behind, known = raw[1] and true or false,
    actor = actor_of() }
  b.head = op .. ' ' .. account .. ' '
  b.tail = ' ' .. digits(now) .. ' ' .. digits(behind)
  if not raw[1] then
    return b
  end
  b.revision, b.status, b.start, b.finish, b.terms = raw[2], raw[3], raw[4], raw[5], raw[10]
  b.granted, b.overage, b.overage_limit = tonumber(raw[7]), tonumber(raw[8]), tonumber(raw[9])
  b.held, b.held_overage = tonumber(raw[13]), tonumber(raw[14] or '0')
  b.lots, b.gone, b.left, b.entries, b.add, b.set = {}, {}, 0, {}, {}, {}
  local position = 1
  while position <= #raw[1] do
    local _, stop, id, left, expires, scope = find(raw[1], '^([^| ]+)|(%d+)|(%d+)|(%S*) ?', position)
    if not stop then
      b.broken = true
      return b
    end
    local lot = { id = id, left = tonumber(left), expires = tonumber(expires), scope = scope }
    if position == 1 then
      local written = lot.left
      lot.left = tonumber(raw[11]) - tonumber(raw[12])
      b.broken = lot.left < 0 or lot.left > written
    end
    b.left = b.left + lot.left
    if lot.expires > 0 and lot.expires <= now then
      b.granted = b.granted - lot.left
      table.insert(b.gone, lot)
    else
      table.insert(b.lots, lot)
    end
    position = stop + 1
  end
  b.broken = b.broken or b.left ~= tonumber(raw[11])
  return b
end

local function change(b, field, amount)
  b.add[field] = (b.add[field] or 0) + amount
end

-- Write down one change; `rest` is JSON members, `delta` what it does to what the grants hold.
local function enter(b, kind, op, rest, delta)
  b.left = b.left + delta
  table.insert(b.entries, '{"kind":"' .. kind .. '","account":"' .. b.account .. '","op":"' .. op .. '",' .. rest
    .. '"delta":"' .. digits(delta) .. '","after":"' .. digits(b.left) .. '","at":' .. digits(b.now) .. ',"period":'
    .. b.start .. (b.behind > 0 and ',"behind":' .. digits(b.behind) or '')
    .. (op == b.op and b.actor or '') .. '}')
end

-- Included credits of the period that runs, by their grant's name.
local function is_included(b, lot)
  return find(lot.id .. ':', 'period:' .. b.start .. ':', 1, true) == 1
end

-- What of a lot that has expired may roll over: included credits that ended with their period, whenever that is seen. A
-- lot that outlives its period, since the plan has changed, does not roll over.
local function rollable(b, lot)
  local ended = b.finish == '0' or lot.expires <= tonumber(b.finish)
  return ended and is_included(b, lot) and lot.left or 0
end

-- Write down what expired: an entry a lot. Whoever sees it first keeps in mind what may roll over.
local function sweep(b)
  for _, lot in ipairs(b.gone) do
    change(b, 'expired', lot.left)
    change(b, 'rollable', rollable(b, lot))
    change(b, 'period_granted', -lot.left)
    enter(b, 'expire', 'expire:' .. lot.id, '"grant":"' .. lot.id .. '","amount":"' .. digits(lot.left) .. '",',
      -lot.left)
  end
end

local function find_lot(b, id)
  for index, lot in ipairs(b.lots) do
    if lot.id == id then
      return lot, index
    end
  end
end

-- Byte order: `<` on strings would ask the server's locale.
local function id_before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end

-- A grant's facts are kept as "created priority expires cost amount scope json", scope "-" for none.
local function facts_of(b, id)
  local facts = redis.call('HGET', KEYS[1], 'grant:' .. id)
  if not facts then
    return nil
  end
  local created, priority, expires, cost, _, scope = string.match(facts, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%S+) ')
  return { created = tonumber(created), priority = tonumber(priority), expires = tonumber(expires),
    cost = tonumber(cost), scope = scope == '-' and '' or scope }
end

-- The burn order: by these facts of a grant, the lowest first, where the account's terms declare no other order of them.
local BURN_ORDER = 'scope priority expiry cost created'
local RANK = {
  scope = function(facts) return facts.scope == '' and 1 or 0 end,
  priority = function(facts) return facts.priority end,
  expiry = function(facts) return facts.expires == 0 and math.huge or facts.expires end,
  cost = function(facts) return facts.cost end,
  created = function(facts) return facts.created end,
}

local function burn_order(b)
  local declared = string.match(b.terms, '"burn":"?([%a ]+)')
  return declared ~= 'null' and declared or BURN_ORDER
end

-- Whether one grant is burnt before another; what they are alike in, their ids decide, so that it is total.
local function burns_before(order, x, y)
  for name in string.gmatch(order, '%a+') do
    local first, second = RANK[name](x), RANK[name](y)
    if first ~= second then
      return first < second
    end
  end
  return id_before(x.id, y.id)
end

local function known_facts(b, lot)
  lot.facts = lot.facts or facts_of(b, lot.id)
  lot.facts.id = lot.id
  return lot.facts
end

-- Put all lots into the order that the terms declare by now.
local function reorder(b)
  local order = burn_order(b)
  for _, lot in ipairs(b.lots) do
    known_facts(b, lot)
  end
  table.sort(b.lots, function(x, y) return burns_before(order, x.facts, y.facts) end)
end

-- Add to a lot, or put it into its place in the burn order. `facts` holds created, priority, expires, cost, scope.
local function put(b, id, amount, facts)
  local lot = find_lot(b, id)
  if lot then
    lot.left = lot.left + amount
    return
  end
  facts.id = id
  local place, order = #b.lots + 1, burn_order(b)
  for index, other in ipairs(b.lots) do
    if burns_before(order, facts, known_facts(b, other)) then
      place = index
      break
    end
  end
  table.insert(b.lots, place, { id = id, left = amount, expires = facts.expires, scope = facts.scope, facts = facts })
end

local function text_of_facts(facts, amount, json)
  return digits(facts.created) .. ' ' .. digits(facts.priority) .. ' ' .. digits(facts.expires) .. ' '
    .. digits(facts.cost) .. ' ' .. digits(amount) .. ' ' .. (facts.scope == '' and '-' or facts.scope) .. ' ' .. json
end

local function pays_for(lot, operation)
  return lot.scope == '' or find(',' .. lot.scope .. ',', ',' .. operation .. ',', 1, true)
end

-- What may be drawn beyond what the lots hold.
local function room(b)
  return math.max(0, math.min(b.overage_limit - b.overage, LIMIT - b.granted))
end

-- What could be drawn for an operation, or, without one, all that the grants hold; overage included.
local function drawable(b, operation)
  local sum, beyond = 0, room(b)
  for _, lot in ipairs(b.lots) do
    if not operation or pays_for(lot, operation) then
      sum = sum + lot.left
    end
  end
  return sum > LIMIT - beyond and LIMIT or sum + beyond
end

-- "remaining granted end"
local function balance(b, operation)
  return digits(drawable(b, operation)) .. ' ' .. digits(b.granted) .. ' ' .. b.finish
end

-- "revision start end terms"
local function facts_of_account(b)
  return b.revision .. ' ' .. b.start .. ' ' .. b.finish .. ' ' .. b.terms
end

-- The second from which on charges are not plain, since a lot expires or the period is over. 0 = they never are: the
-- account is suspended, or has a scoped lot or none at all.
local function plain_until(b)
  if #b.lots == 0 or b.status ~= 'active' then
    return 0
  end
  local finish = tonumber(b.finish)
  local second = finish == 0 and LIMIT or finish
  for _, lot in ipairs(b.lots) do
    if lot.scope ~= '' then
      return 0
    end
    second = math.min(second, lot.expires == 0 and LIMIT or lot.expires)
  end
  return second
end

-- Write the burn list without its empty lots, and what a plain charge goes by in its place.
local function write_lots(b)
  local full, texts, left = {}, {}, 0
  for _, lot in ipairs(b.lots) do
    if lot.left > 0 then
      left = left + lot.left
      table.insert(full, lot)
      table.insert(texts, lot.id .. '|' .. digits(lot.left) .. '|' .. digits(lot.expires) .. '|' .. lot.scope .. ' ')
    end
  end
  b.lots = full
  local first = full[1] or { id = '-', left = 0 }
  redis.call('HSET', KEYS[1], 'lots', table.concat(texts), 'left', digits(left), 'others', digits(left - first.left),
    'first', first.id, 'plain_until', digits(plain_until(b)), 'beyond', digits(room(b)),
    'receipt', ' ' .. digits(b.granted) .. ' ' .. b.finish, 'seen', digits(b.now))
end

-- Write everything: entries first, the first of which fails if the stream is none.
local function commit(b, ledger)
  for _, entry in ipairs(b.entries) do
    redis.call('XADD', ledger, '*', 'e', entry)
  end
  write_lots(b)
  for field, value in pairs(b.set) do
    redis.call('HSET', KEYS[1], field, value)
  end
  for field, amount in pairs(b.add) do
    if amount ~= 0 then
      redis.call('HINCRBY', KEYS[1], field, digits(amount))
    end
  end
  for _, one in ipairs(b.more or {}) do
    redis.call('HSET', one[1], one[2], one[3])
  end
end

local function answer(b, word, rest)
  return b.head .. word .. b.tail .. (rest and ' ' .. rest or '')
end

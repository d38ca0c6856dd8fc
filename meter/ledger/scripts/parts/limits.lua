-- Limits: what may be drawn at each level of a call's path, and by its API key: a budget for each period of whoever
-- pays, and caps for each minute and each day (UTC).
--
-- One hash a root has a field for each level that has a limit, an account or "key:<sha256>": three windows, each
-- "cap start spent", "-" for no cap. What was spent in a window that is over counts as nothing. A budget binds what is
-- paid at its level or above: the account that pays says when its window begins, and an account above has nothing to
-- say there.
--
-- What a call was counted at is kept with it, as "level,... at start": the second, and the start of the period.
local KINDS = { 'budget', 'minute', 'day' }
local SECONDS = { false, 60, 86400 }

-- The levels of a call: every account from the root down to the one that calls, and its API key: as the key says, or
-- by its own name.
local function levels_of(path, key, key_level)
  local names, place = {}, 0
  while place do
    place = find(path, '/', place + 1, true)
    table.insert(names, place and string.sub(path, 1, place - 1) or path)
  end
  if key then
    table.insert(names, key_level or string.match(key, 'key:%x+$'))
  end
  return names
end

-- What a plan lets be spent in a minute and in a day, by the places of KINDS; nil where it says nothing.
local function caps_of(minute, day)
  local caps = { false, tonumber(minute), tonumber(day) }
  return (caps[2] or caps[3]) and caps
end

-- Read the levels that have limits, of those named. `caps` are those of the account's plan: with any, it
-- has a level of its own, whatever else limits it.
local function read_levels(b, key, names, caps)
  b.limits, b.levels = key, {}
  for _, name in ipairs(names) do
    local text = redis.call('HGET', key, name)
    local level = { name = name, pays = string.sub(name, 1, 4) == 'key:' or #name >= #b.account }
    for cap, start, spent in string.gmatch((text or '') .. ' ', '(%S+) (%d+) (%d+) ') do
      table.insert(level, { cap = tonumber(cap), start = tonumber(start), spent = tonumber(spent) })
    end
    b.broken = b.broken or text and #level ~= #KINDS
    if caps and name == b.account then
      for place = 1, #KINDS do
        level[place] = level[place] or { start = 0, spent = 0 }
        level[place].plan = caps[place] or nil
      end
    end
    if #level == #KINDS then
      table.insert(b.levels, level)
    end
  end
end

-- Begin the windows that run now. A period counts from its start on: one that began earlier begins nothing anew.
local function turn(b)
  for _, level in ipairs(b.levels) do
    for place, window in ipairs(level) do
      local start = place == 1 and tonumber(b.start) or b.now - b.now % SECONDS[place]
      local over = place == 1 and level.pays and start > window.start or place > 1 and start ~= window.start
      if over then
        window.start, window.spent = start, 0
      end
    end
  end
end

-- Why an amount can't be drawn now: "kind limit spent until level", where `until` is the second from which on it may
-- be, 0 for never; nil where it can.
local function over_limit(b, amount)
  for _, level in ipairs(b.levels) do
    for place, window in ipairs(level) do
      local cap = math.min(window.cap or math.huge, window.plan or math.huge)
      if amount > 0 and amount > cap - window.spent and (place > 1 or level.pays) then
        local till = place == 1 and tonumber(b.finish) or window.start + SECONDS[place]
        return KINDS[place] .. ' ' .. digits(cap) .. ' ' .. digits(window.spent) .. ' '
          .. digits(amount > cap and 0 or till) .. ' ' .. level.name
      end
    end
  end
end

-- What the budgets leave of an amount. The caps of a minute and of a day are for calls that begin, not for those that
-- run.
local function within_budgets(b, amount)
  for _, level in ipairs(b.levels) do
    if level[1].cap and level.pays then
      amount = math.max(0, math.min(amount, level[1].cap - level[1].spent))
    end
  end
  return amount
end

local function write_levels(b)
  b.more = {}
  for _, level in ipairs(b.levels) do
    local texts = {}
    for _, window in ipairs(level) do
      table.insert(texts, (window.cap and digits(window.cap) or '-') .. ' ' .. digits(window.start) .. ' '
        .. digits(window.spent))
    end
    table.insert(b.more, { b.limits, level.name, table.concat(texts, ' ') })
  end
end

-- Count what is drawn, in the windows that run. Returns what it was counted at; nil where that is nowhere.
local function count(b, amount)
  local names = {}
  for _, level in ipairs(b.levels) do
    for place, window in ipairs(level) do
      if place > 1 or level.pays then
        window.spent = math.min(LIMIT, window.spent + amount)
      end
    end
    table.insert(names, level.name)
  end
  write_levels(b)
  return #names > 0 and table.concat(names, ',') .. ' ' .. digits(b.now) .. ' ' .. b.start or nil
end

-- Read the levels that a call was counted at.
local function levels_again(b, key, call)
  local names = {}
  for name in string.gmatch(string.match(call.counted or '', '^%S*'), '[^,]+') do
    table.insert(names, name)
  end
  read_levels(b, key, names)
end

-- Count less, in the windows that the call was counted in and that still run.
local function count_less(b, call, amount)
  local at, start = string.match(call.counted or '', ' (%d+) (%d+)$')
  for _, level in ipairs(b.levels) do
    for place, window in ipairs(level) do
      local its = place == 1 and tonumber(start) or tonumber(at) - tonumber(at) % (SECONDS[place] or 1)
      if its == window.start and (place > 1 or level.pays) then
        window.spent = math.max(0, window.spent - amount)
      end
    end
  end
  write_levels(b)
end

-- Who called, where it is not the account itself, and what the call was counted at: as an entry and as a record says
-- it.
local function said_of(call)
  return (call.path and '"path":"' .. call.path .. '",' or '')
    .. (call.counted and '"limits":"' .. call.counted .. '",' or '')
end

local function trail_of(call)
  return (call.path or call.counted) and ' &' .. (call.path or '-') .. ' ' .. (call.counted or '-') or ''
end

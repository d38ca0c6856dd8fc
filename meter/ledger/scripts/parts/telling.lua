-- Telling: an entry, a line on the list of the last notices, and a letter, in one step.
--
-- KEYS  1 account  2 told  3 ledger  4 letters  5 waiting  6 dead  7 notices
local NOTICES_KEPT = '99'

-- Whether such a notice can be written; keys of a wrong type fail here, before the first write.
local function is_notice(name, what, data)
  redis.call('HLEN', KEYS[2])
  redis.call('HLEN', KEYS[4])
  redis.call('ZCARD', KEYS[5])
  redis.call('ZCARD', KEYS[6])
  redis.call('LLEN', KEYS[7])
  return #name <= 320 and find(name, '^[%w%._:/%-]+$') and find(what, '^[a-z_]+$') and #data <= 2048
    and string.byte(data) == 123 and string.byte(data, -1) == 125
end

-- The time in which each notice is told once: the period that runs; where nothing resets, until credits are added.
local function epoch_of(b)
  if b.finish ~= '0' then
    return b.start
  end
  return '0:' .. digits(tonumber(redis.call('HGET', KEYS[1], 'granted')) - b.overage)
end

-- Write a notice down. `deliver` is whether a letter goes out; one too many is dead at once.
local function tell(b, name, what, data, deliver, waiting_max, dead_max)
  sweep(b)
  enter(b, 'alert', b.op, '"notice":"' .. name .. '","told":' .. data .. ',', 0)
  commit(b, KEYS[3])
  redis.call('LPUSH', KEYS[7], digits(b.now) .. ' ' .. b.account .. ' ' .. name)
  redis.call('LTRIM', KEYS[7], '0', NOTICES_KEPT)
  if not deliver then
    return
  end
  local id, full = b.op .. '.alert', redis.call('ZCARD', KEYS[5]) >= tonumber(waiting_max)
  redis.call('HSET', KEYS[4], id, '0 ' .. (full and 'crowded' or '-') .. ' ' .. digits(b.now) .. ' ' .. b.account .. ' '
    .. what .. ' ' .. data)
  if full then
    give_up(KEYS[4], KEYS[6], id, b.now, dead_max)
  else
    redis.call('ZADD', KEYS[5], digits(b.now), id)
  end
end

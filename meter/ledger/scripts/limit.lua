#!lua
-- Set or take away the limits of a level: an account, or an API key of it. What was spent in the windows that run stays
-- counted as long as the level has any limit.
--
-- uses: numbers clock operation books limits
--
-- KEYS  1 account  2 op  3 ledger  4 limits
-- ARGV  1 op  2 account id  3 level (the account, or key:<sha256>)  4 budget of a period  5 of a minute  6 of a day
--       (micro-credits, or "-" for none)
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind>" with done, repeat, conflict, late, unknown

local b = read(ARGV[1], ARGV[2])
local level = ARGV[3]
if level ~= ARGV[2] and not find(level, '^key:%x+$') then
  return redis.error_reply('BADARG the level is neither the account nor an API key')
end
local caps = {}
for place = 1, #KINDS do
  local cap = ARGV[3 + place]
  if cap ~= '-' and not is_whole(cap) then
    return redis.error_reply('BADARG a limit is neither a whole number of micro-credits nor "-"')
  end
  caps[place] = cap
end
if not b.known then
  return answer(b, 'unknown')
end
read_levels(b, KEYS[4], { level })
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account, or the limit, is malformed')
end
local said = level .. ' ' .. table.concat(caps, ' ')
local done = redis.call('GET', KEYS[2])
if done then
  return answer(b, done == 'limit ' .. said and 'repeat' or 'conflict')
end
if is_operation(ARGV[1]) and is_late(ARGV[1], b.now) then
  return answer(b, 'late')
end

sweep(b)
enter(b, 'limit', b.op, '"level":"' .. level .. '","budget":"' .. caps[1] .. '","minute":"' .. caps[2] .. '","day":"'
  .. caps[3] .. '",', 0)
local none = table.concat(caps) == '---'
if not none then
  if not b.levels[1] then
    b.levels[1] = { name = level, { start = 0, spent = 0 }, { start = 0, spent = 0 }, { start = 0, spent = 0 } }
  end
  for place, window in ipairs(b.levels[1]) do
    window.cap = tonumber(caps[place])
  end
  write_levels(b)
end
commit(b, KEYS[3])
if none then
  redis.call('HDEL', KEYS[4], level)
end
redis.call('SET', KEYS[2], 'limit ' .. said, 'EX', RECORD_SECONDS)
return answer(b, 'done')

#!lua flags=no-writes
-- What notices depend on, of one account. Nothing is written: what has expired by now is only left out.
--
-- uses: numbers clock books letters telling
--
-- KEYS  1 account  2 told  3 used
-- ARGV  1 tag  2 account id
--
-- Replies a list: "<tag> <account id> <word> <now> <seconds the clock is behind> ..." where the word is
--   done     revision start end terms, and then the strings
--            status, granted (of the period, without what has expired), remaining, reserved, consumed,
--            what the period's included grant was, epoch, how often a purchase was asked for,
--            then the name of each notice that was told in this epoch
--   unknown

local b = read(ARGV[1], ARGV[2])
if not b.known then
  return { answer(b, 'unknown') }
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local consumed, remaining = 0, 0
for _, used in ipairs(redis.call('HVALS', KEYS[3])) do
  consumed = consumed + tonumber(used)
end
for _, lot in ipairs(b.lots) do
  remaining = remaining + lot.left
end
local facts = redis.call('HGET', KEYS[1], 'grant:period:' .. b.start) or ''
local included = string.match(facts, '^%d+ %d+ %d+ %d+ (%d+) ') or '0'
local epoch = epoch_of(b)
local reply = { answer(b, 'done', facts_of_account(b)), b.status, digits(b.granted), digits(remaining), digits(b.held),
  digits(consumed), included, epoch, redis.call('HGET', KEYS[2], 'asked') or '0' }
if redis.call('HGET', KEYS[2], 'epoch') == epoch then
  for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
    local name = string.match(field, '^told:(.*)$')
    if name then
      table.insert(reply, name)
    end
  end
end
return reply

#!lua
-- Add a lot of credits; its id makes it happen once.
--
-- uses: numbers clock books
--
-- KEYS  1 account  2 ledger
-- ARGV  1 grant id  2 account id  3 amount (micro-credits)  4 priority  5 expires (Unix second, 0 = never)
--       6 cost (money a credit, in millionths)  7 scope (operations joined by commas, or -)  8 kind and note (JSON text)
--       9 live grants an account may have
--
-- Replies "<grant id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done, repeat   remaining granted end
--   conflict       the id was used for other facts
--   capped         too many live grants, or more credits than an amount can be
--   late           it has expired already
--   unknown

local b = read(ARGV[1], ARGV[2])
for _, place in ipairs({ 3, 4, 5, 6, 9 }) do
  if not is_whole(ARGV[place]) then
    return redis.error_reply('BADARG an amount of the grant is not a whole number within the limit')
  end
end
if not find(ARGV[1], '^[%w%._:%-]+$') or not find(ARGV[7], '^[%w%._:/,%-]+$') then
  return redis.error_reply('BADARG the id or the scope of the grant is malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local amount = tonumber(ARGV[3])
local facts = { created = b.now, priority = tonumber(ARGV[4]), expires = tonumber(ARGV[5]), cost = tonumber(ARGV[6]),
  scope = ARGV[7] == '-' and '' or ARGV[7] }
local text = text_of_facts(facts, amount, ARGV[8])
local known = redis.call('HGET', KEYS[1], 'grant:' .. ARGV[1])
if known then
  local same = string.match(known, '^%d+ (.*)$') == string.match(text, '^%d+ (.*)$')
  return answer(b, same and 'repeat' or 'conflict', same and balance(b) or nil)
end
if facts.expires > 0 and facts.expires <= b.now then
  return answer(b, 'late')
end
if #b.lots >= tonumber(ARGV[9]) or amount > LIMIT - b.granted then
  return answer(b, 'capped')
end

sweep(b)
b.granted = b.granted + amount
change(b, 'granted', amount)
change(b, 'period_granted', amount)
put(b, ARGV[1], amount, facts)
b.set['grant:' .. ARGV[1]] = text
enter(b, 'grant', ARGV[1], '"grant":"' .. ARGV[1] .. '","amount":"' .. ARGV[3] .. '","priority":' .. ARGV[4]
  .. ',"expires":' .. ARGV[5] .. ',"cost":"' .. ARGV[6] .. '","scope":"' .. (ARGV[7] == '-' and '' or ARGV[7])
  .. '","facts":' .. ARGV[8] .. ',', amount)
commit(b, KEYS[2])
return answer(b, 'done', balance(b))

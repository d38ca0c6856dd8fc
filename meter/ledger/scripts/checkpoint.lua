#!lua flags=allow-oom
-- Write down where an account stands, so that its earlier entries are not needed to know it. Allowed in a full store:
-- it comes before the trim that makes room.
--
-- uses: numbers clock books
--
-- KEYS  1 account  2 used  3 ledger
-- ARGV  1 op  2 account id
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind>" with done, unknown

local b = read(ARGV[1], ARGV[2])
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local used = 0
for _, amount in ipairs(redis.call('HVALS', KEYS[2])) do
  used = used + tonumber(amount)
end

sweep(b)
commit(b, KEYS[3])
local counters = redis.call('HMGET', KEYS[1], 'granted', 'spent', 'expired', 'revoked', 'held', 'held_overage')
local lots = {}
for _, lot in ipairs(b.lots) do
  table.insert(lots, lot.id .. '=' .. digits(lot.left))
end
b.entries, b.add = {}, {}
enter(b, 'checkpoint', b.op, '"granted":"' .. counters[1] .. '","spent":"' .. counters[2] .. '","used":"'
  .. digits(used) .. '","expired":"' .. counters[3] .. '","revoked":"' .. counters[4] .. '","held":"' .. counters[5]
  .. '","held_overage":"' .. (counters[6] or '0') .. '","period_granted":"' .. digits(b.granted) .. '","overage":"'
  .. digits(b.overage) .. '","lots":"' .. table.concat(lots, ',') .. '",', 0)
commit(b, KEYS[3])
return answer(b, 'done')

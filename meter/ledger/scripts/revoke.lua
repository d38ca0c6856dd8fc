#!lua
-- Take back what is left of a grant; what is refunded to it from now on goes to an adjustment grant.
--
-- uses: numbers clock books
--
-- KEYS  1 account  2 ledger
-- ARGV  1 op  2 account id  3 grant id
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done     amount remaining granted end
--   repeat   0 remaining granted end: it was revoked before
--   gone     there never was such a grant
--   unknown

local b = read(ARGV[1], ARGV[2])
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local marks = redis.call('HMGET', KEYS[1], 'grant:' .. ARGV[3], 'revoked:' .. ARGV[3])
if not marks[1] then
  return answer(b, 'gone')
end
if marks[2] then
  return answer(b, 'repeat', '0 ' .. balance(b))
end

sweep(b)
local lot, index = find_lot(b, ARGV[3])
local amount = lot and lot.left or 0
if lot then
  table.remove(b.lots, index)
end
b.granted = b.granted - amount
change(b, 'revoked', amount)
change(b, 'period_granted', -amount)
b.set['revoked:' .. ARGV[3]] = '1'
enter(b, 'revoke', b.op, '"grant":"' .. ARGV[3] .. '","amount":"' .. digits(amount) .. '",', -amount)
commit(b, KEYS[2])
return answer(b, 'done', digits(amount) .. ' ' .. balance(b))

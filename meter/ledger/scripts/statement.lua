#!lua flags=no-writes
-- An account as it stands. Nothing is written: what has expired by now is only left out.
--
-- uses: numbers clock books
--
-- KEYS  1 account  2 used
-- ARGV  1 tag  2 account id
--
-- Replies a list: "<tag> <account id> <word> <now> <seconds the clock is behind> ..." where the word is
--   done     revision start end terms, and then the strings
--            status, granted (of the period, without what has expired), overage,
--            what has expired without an entry, lifetime granted, spent (of earlier periods), expired, revoked, held,
--            number of live grants, for each its id, what is left of it and its facts,
--            then for each operation used in this period its name and amount
--   unknown

local b = read(ARGV[1], ARGV[2])
if not b.known then
  return { answer(b, 'unknown') }
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local unwritten = 0
for _, lot in ipairs(b.gone) do
  unwritten = unwritten + lot.left
end
local reply = { answer(b, 'done', facts_of_account(b)), b.status, digits(b.granted), digits(b.overage),
  digits(unwritten) }
for _, counter in ipairs(redis.call('HMGET', KEYS[1], 'granted', 'spent', 'expired', 'revoked', 'held')) do
  table.insert(reply, counter)
end
table.insert(reply, digits(#b.lots))
for _, lot in ipairs(b.lots) do
  table.insert(reply, lot.id)
  table.insert(reply, digits(lot.left))
  table.insert(reply, redis.call('HGET', KEYS[1], 'grant:' .. lot.id))
end
for _, text in ipairs(redis.call('HGETALL', KEYS[2])) do
  table.insert(reply, text)
end
return reply

#!lua
-- Begin a new period, by compare-and-set on the old one: what has expired goes, the included grant comes. Of what was
-- left of included grants when they expired, a share lives on; and the account's terms may be others from now on.
--
-- uses: numbers clock books period
--
-- KEYS  1 account  2 used  3 ledger
-- ARGV  1 op  2 account id  3 start of the old period  4 start  5 end (0 = none)  6 included
--       7 revision of the terms that all this was reckoned by  8 overage limit  9 terms (JSON text; - = they stay)
--       10 share that lives on, in millionths  11 the most that does  12 its end (0 = none)
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind> revision start end terms" with
--   done     the new period runs
--   repeat   another one runs than the old one, the old one is not over, or the terms are others; nothing was changed
--   unknown  without more

-- A share of an amount, rounded down: exact, since no product passes the limit.
local function share_of(amount, millionths)
  local rest = math.fmod(amount, 1000000)
  return (amount - rest) / 1000000 * millionths + math.floor(rest * millionths / 1000000)
end

local b = read(ARGV[1], ARGV[2])
for _, place in ipairs({ 3, 4, 5, 6, 8, 10, 11, 12 }) do
  if not is_whole(ARGV[place]) then
    return redis.error_reply('BADARG the period or an amount of the terms is malformed')
  end
end
if tonumber(ARGV[10]) > 1000000 then
  return redis.error_reply('BADARG more than everything would roll over')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local over = b.finish ~= '0' and tonumber(b.finish) <= b.now
if b.start ~= ARGV[3] or b.revision ~= ARGV[7] or not over or tonumber(ARGV[4]) <= tonumber(b.start) then
  return answer(b, 'repeat', facts_of_account(b))
end
local rolls = tonumber(redis.call('HGET', KEYS[1], 'rollable') or '0')
local spent = 0
for _, used in ipairs(redis.call('HVALS', KEYS[2])) do
  spent = spent + tonumber(used)
end

sweep(b)
rolls = rolls + (b.add['rollable'] or 0)
b.add['rollable'], b.set['rollable'] = nil, '0'
b.add['period_granted'] = nil
change(b, 'spent', spent)
local terms = ''
if ARGV[9] ~= '-' then
  b.terms, b.overage_limit, b.revision = ARGV[9], tonumber(ARGV[8]), digits(tonumber(b.revision) + 1)
  b.set['terms'], b.set['overage_limit'], b.set['revision'] = b.terms, ARGV[8], b.revision
  terms = '"terms":' .. b.terms .. ','
  reorder(b)
end
local rest, amount = begin(b, ARGV[4], ARGV[5], ARGV[6])
enter(b, 'renew', b.op, '"spent":"' .. digits(spent) .. '",' .. rest .. terms, amount)
if ARGV[12] == '0' or tonumber(ARGV[12]) > b.now then
  local share = math.min(share_of(rolls, tonumber(ARGV[10])), tonumber(ARGV[11]))
  give(b, 'rollover:' .. b.start, share, ARGV[12], ROLLOVER_JSON)
end
commit(b, KEYS[3])
redis.call('DEL', KEYS[2])
return answer(b, 'done', facts_of_account(b))

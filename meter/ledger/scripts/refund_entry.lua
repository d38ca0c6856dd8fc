#!lua
-- Give back all or a part of the charge that an entry records, however long ago its record was forgotten.
--
-- uses: numbers clock operation books limits record giveback
--
-- KEYS  1 account  2 used  3 op of the charge  4 ledger  5 limits  6 op
-- ARGV  1 op  2 account id  3 grace (seconds that an adjustment grant lives)  4 reason (JSON text)
--       5 entry id  6 op id of the charge  7 operation  8 amount charged  9 overage drawn  10 taken  11 period start
--       12 amount to give back, or "rest"  13 what entries say that was given back by the record  14 kind (refund, void)
--       15 what is kept where the rest is asked for  16 member that called, or "-"  17 what it was counted at, or "-"
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done     amount remaining granted end
--   repeat   amount remaining granted end: this refund was done before, or nothing is left to give back
--   late     the op is an operation id too old to be told apart from a forgotten one
--   conflict the op id was used for another refund
--   unknown capped

local b = read(ARGV[1], ARGV[2])
if not is_operation(ARGV[6]) or not is_whole(ARGV[3]) or not is_whole(ARGV[8])
  or not is_whole(ARGV[9]) or not is_whole(ARGV[11]) or not is_whole(ARGV[13]) or not is_whole(ARGV[15])
  or not (ARGV[12] == 'rest' or is_whole(ARGV[12])) then
  return redis.error_reply('BADARG an id or an amount of the refund is malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local charge = { op = ARGV[6], operation = ARGV[7], amount = tonumber(ARGV[8]), overage = tonumber(ARGV[9]),
  taken = ARGV[10], start = ARGV[11], path = ARGV[16] ~= '-' and ARGV[16] or nil,
  counted = ARGV[17] ~= '-' and ARGV[17] or nil }
local mine = redis.call('GET', KEYS[6])
if mine then
  local whose, entry, wanted, given = string.match(mine, '^given (%S+) (%S+) (%S+) (%d+)$')
  if whose ~= ARGV[2] or entry ~= ARGV[5] or wanted ~= ARGV[12] then
    return answer(b, 'conflict')
  end
  return answer(b, 'repeat', given .. ' ' .. balance(b, charge.operation))
end
if is_operation(ARGV[1]) and is_late(ARGV[1], b.now) then
  return answer(b, 'late')
end
local record = record_of(KEYS[3], ARGV[6])
local marked = tonumber(redis.call('HGET', KEYS[1], 'refunded:' .. ARGV[5]) or '0')
local back = math.max(marked, tonumber(ARGV[13]), record and record.back or 0)
local left = charge.amount - back
local amount = ARGV[12] == 'rest' and math.max(0, left - tonumber(ARGV[15])) or math.min(left, tonumber(ARGV[12]))
if amount == 0 then
  return answer(b, 'repeat', '0 ' .. balance(b, charge.operation))
end
if not fits(b, charge, amount) then
  return answer(b, 'capped')
end

b.set['refunded:' .. ARGV[5]] = digits(back + amount)
refund(b, ARGV[14], charge, back, amount, tonumber(ARGV[3]), '"entry":"' .. ARGV[5] .. '","reason":' .. ARGV[4] .. ',')
if record then
  record.back = back + amount
  record.state = record.back == record.amount and 'refunded' or record.state
  write_record(KEYS[3], record)
end
redis.call('SET', KEYS[6], 'given ' .. ARGV[2] .. ' ' .. ARGV[5] .. ' ' .. ARGV[12] .. ' ' .. digits(amount), 'EX',
  RECORD_SECONDS)
return answer(b, 'done', digits(amount) .. ' ' .. balance(b, charge.operation))

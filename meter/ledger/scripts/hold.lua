#!lua
-- Set credits aside for a call whose price is not known yet, or that may be taken back: all or nothing.
--
-- uses: numbers operation key clock books drawing limits admission record
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 limits  6 holds
--       7 API key (absent, or 5 again, where the app vouches for the account)
--       8 account of the member that calls; the account again, where its plan has caps; absent where neither is
-- ARGV  1 op id  2 account id  3 amount (micro-credits)  4 revision  5 operation  6 quote (JSON object)
--       7 seconds that it lives  8 what becomes of it then (release, charge)  9 the least that it is charged for
--       and with the eighth key: 10 member's id, or "-"  11 member's revision
--       12 and 13 what the plan lets be spent in a minute and in a day (micro-credits, or "-")
--       14 how many holds of calls the account may have open, or "-"
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done, repeat   remaining granted end
--   short          remaining granted end
--   capped         remaining granted end kind limit spent until level
--   stale, lapsed  revision start end terms
--   conflict voided late unknown suspended barred

local op, account, amount, operation, quote = ARGV[1], ARGV[2], ARGV[3], ARGV[5], ARGV[6]
if not is_whole(amount) or not is_whole(ARGV[7]) or not is_whole(ARGV[9]) or tonumber(ARGV[9]) > tonumber(amount) then
  return redis.error_reply('BADARG an amount or the life of the hold is not a whole number within the limit')
end
if ARGV[8] ~= 'release' and ARGV[8] ~= 'charge' then
  return redis.error_reply('BADARG what becomes of the hold is malformed')
end
if #quote > 3072 or string.byte(quote) ~= 123 or string.byte(quote, -1) ~= 125 then
  return redis.error_reply('BADARG the quote is not a JSON object of at most 3 KiB')
end
local b = read(op, account)
local record = redis.call('GET', KEYS[3])
if record then
  return known_before(b, record, amount, operation, { held = true })
end
local key = KEYS[7] ~= KEYS[5] and KEYS[7]
local member = KEYS[8] and ARGV[10] ~= '-' and ARGV[10]
local open_until, operations, key_level = key_open_until(key, member or account)
local caps = KEYS[8] and caps_of(ARGV[12], ARGV[13])
read_levels(b, KEYS[5], levels_of(member or account, key, key_level), caps)
local refused = refusal(b, op, operation, ARGV[4], { open_until = open_until, operations = operations },
  member and against_member(KEYS[8], ARGV[11]), tonumber(amount))
if refused then
  return refused
end
local most, open = KEYS[8] and tonumber(ARGV[14]), tonumber(redis.call('HGET', KEYS[1], 'holding') or '0')
if most and open >= most then
  return answer(b, 'capped', balance(b, operation) .. ' concurrent ' .. ARGV[14] .. ' ' .. digits(open) .. ' 0 '
    .. account)
end
redis.call('XLEN', KEYS[4])
redis.call('ZCARD', KEYS[6])

sweep(b)
local taken, overage = draw(b, operation, tonumber(amount))
local till = b.now + tonumber(ARGV[7])
set_aside(b, tonumber(amount), overage)
change(b, 'holding', 1)
local call = { path = member or nil, counted = count(b, tonumber(amount)) }
enter(b, 'hold', op, said_of(call) .. '"operation":"' .. operation .. '","amount":"' .. amount .. '","taken":"' .. taken
  .. '","overage":"' .. digits(overage) .. '","until":' .. digits(till) .. ',"quote":' .. quote .. ',',
  overage - tonumber(amount))
commit(b, KEYS[4])
local receipt = balance(b, operation)
write_record(KEYS[3], { state = 'held', account = account, amount = tonumber(amount), operation = operation,
  receipt = receipt, start = b.start, overage = overage, back = 0, taken = taken, till = till, by = ARGV[8],
  at_least = tonumber(ARGV[9]), path = call.path, counted = call.counted })
redis.call('ZADD', KEYS[6], digits(till), account .. '|' .. op)
return answer(b, 'done', receipt)

#!lua
-- Take a fixed price from an account in one step, all or nothing; or, observing, only write down what it would be.
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 limits
--       6 API key (absent, or 5 again, where the app vouches for the account)
--       7 account of the member that calls; the account again, where its plan has caps; absent where neither is
-- ARGV  1 op id  2 account id  3 amount (micro-credits)  4 revision  5 operation  6 quote (JSON object)
--       7 observe (0, 1), and with the seventh key: 8 member's id, or "-"  9 member's revision
--       10 and 11 what the plan lets be spent in a minute and in a day (micro-credits, or "-")
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done, repeat   remaining granted end
--   short          remaining granted end
--   capped         remaining granted end kind limit spent until level
--   stale, lapsed  revision start end terms
--   conflict voided late unknown suspended barred
--
-- Most charges are plain: the first lot of the burn list pays, something is left of it, no limit is set, and nothing
-- else happens. Those need no look at the list (`plain_until` of books.lua says when), and are written at once. Every
-- other charge, and every refusal, goes through the books.
--
-- uses: numbers operation key

local call = redis.call
local op, account, price, operation, quote = ARGV[1], ARGV[2], ARGV[3], ARGV[5], ARGV[6]
if not is_whole(price) then
  return redis.error_reply('BADARG the amount is not a whole number of micro-credits within the limit')
end
if #quote > 3072 or string.byte(quote) ~= 123 or string.byte(quote, -1) ~= 125 then
  return redis.error_reply('BADARG the quote is not a JSON object of at most 3 KiB')
end
local amount, observe = tonumber(price), ARGV[7] == '1'
local ready = call('HMGET', KEYS[1], 'left', 'others', 'plain_until', 'revision', 'seen', 'first', 'start', 'beyond',
  'receipt')
local held, others, plain_until, revision, seen = ready[1], ready[2], ready[3], ready[4], ready[5]
local first, start, beyond, granted_and_end = ready[6], ready[7], ready[8], ready[9]
local second = redis.call('TIME')[1]
local record = call('GET', KEYS[3])
local member = KEYS[7] and ARGV[8] ~= '-' and ARGV[8]
local key = KEYS[6] ~= KEYS[5] and KEYS[6]
local open_until, operations, key_level = key_open_until(key, member or account)
-- The stream is written to but never read: a wrong type must fail here, before the first write.
call('XLEN', KEYS[4])

local now = tonumber(second)
if not record and not observe and amount > 0 and revision == ARGV[4] and now < tonumber(plain_until)
  and now >= tonumber(seen) and now < open_until and not operations and not KEYS[7] and not is_late(op, now)
  and call('EXISTS', KEYS[5]) == 0 then
  local left = tonumber(held) - amount
  if left > tonumber(others) then
    local after = digits(left)
    local remaining = beyond == '0' and after or digits(math.min(left + tonumber(beyond), LIMIT))
    local receipt = remaining .. granted_and_end
    call('HINCRBY', KEYS[2], operation, price)
    call('XADD', KEYS[4], '*', 'e', '{"kind":"charge","account":"' .. account .. '","op":"' .. op .. '","operation":"'
      .. operation .. '","amount":"' .. price .. '","taken":"' .. first .. '=' .. price .. '","overage":"0","delta":"-'
      .. price .. '","after":"' .. after .. '","at":' .. second .. ',"period":' .. start .. ',"quote":' .. quote .. '}')
    call('HSET', KEYS[1], 'left', after, 'seen', second)
    call('SET', KEYS[3], 'charged ' .. account .. ' ' .. price .. ' ' .. operation .. ' ' .. receipt .. ' ' .. start
      .. ' 0 0 ' .. first .. '=' .. price, 'EX', RECORD_SECONDS)
    return op .. ' ' .. account .. ' done ' .. second .. ' 0 ' .. receipt
  end
end

-- Not plain: through the books.
--
-- uses: clock books drawing limits admission

local b = read(op, account)
if record then
  return known_before(b, record, price, operation, { charged = true, observed = true })
end
local owed = observe and 0 or amount
local caps = KEYS[7] and caps_of(ARGV[10], ARGV[11])
read_levels(b, KEYS[5], levels_of(member or account, key, key_level), caps)
local refused = refusal(b, op, operation, ARGV[4], { open_until = open_until, operations = operations },
  member and against_member(KEYS[7], ARGV[9]), owed)
if refused then
  return refused
end

if not observe then
  call('HINCRBY', KEYS[2], operation, price)
end
sweep(b)
local taken, beyond_grants = draw(b, operation, owed)
local its = { path = member or nil, counted = not observe and count(b, owed) or nil }
enter(b, observe and 'observed' or 'charge', op, said_of(its) .. '"operation":"' .. operation .. '","amount":"'
  .. price .. '","taken":"' .. taken .. '","overage":"' .. digits(beyond_grants) .. '","quote":' .. quote .. ',',
  beyond_grants - owed)
commit(b, KEYS[4])
local receipt = balance(b, operation)
call('SET', KEYS[3], (observe and 'observed ' or 'charged ') .. account .. ' ' .. price .. ' ' .. operation .. ' '
  .. receipt .. ' ' .. b.start .. ' ' .. digits(beyond_grants) .. ' 0 ' .. taken .. trail_of(its), 'EX',
  RECORD_SECONDS)
return answer(b, 'done', receipt)

#!lua
-- Take a fixed price from an account in one step, all or nothing; or, observing, only write down what it would be.
--
-- uses: numbers clock operation
--
-- KEYS  1 account  2 used  3 op  4 ledger  5 API key (absent where the app vouches for the account)
-- ARGV  1 op id  2 account id  3 amount (micro-credits)  4 revision  5 operation  6 quote (JSON object)  7 observe (0, 1)
--
-- Replies "<op id> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done, repeat   remaining granted end
--   short          remaining granted end
--   stale, lapsed  revision start end terms
--   conflict voided late unknown suspended

local call, sub = redis.call, string.sub
local op, account, operation, quote = ARGV[1], ARGV[2], ARGV[5], ARGV[6]
if not is_whole(ARGV[3]) then
  return redis.error_reply('BADARG the amount is not a whole number of micro-credits within the limit')
end
if #quote > 3072 or not find(quote, '^{.*}$') then
  return redis.error_reply('BADARG the quote is not a JSON object of at most 3 KiB')
end
local amount, observe = tonumber(ARGV[3]), ARGV[7] == '1'

local books = call('HMGET', KEYS[1], 'lots', 'revision', 'status', 'start', 'end', 'seen', 'period_granted',
  'overage', 'overage_limit')
local lots, start, finish = books[1], books[4], books[5]
local now, behind = clock(tonumber(books[6] or '0'))
local head = op .. ' ' .. account .. ' '
local second = digits(now)
local tail = ' ' .. second .. (behind == 0 and ' 0' or ' ' .. digits(behind))

local record = call('GET', KEYS[3])
if record then
  local state, whose, price, what, receipt = string.match(record, '^(%a+) (%S+) (%d+) (%S+) (%d+ %d+ %d+) ')
  if state == 'voided' or state == 'refunded' then
    return head .. 'voided' .. tail
  end
  if whose ~= account or price ~= ARGV[3] or what ~= operation then
    return head .. 'conflict' .. tail
  end
  return head .. 'repeat' .. tail .. ' ' .. receipt
end
if is_late(op, now) then
  return head .. 'late' .. tail
end
if not lots then
  return head .. 'unknown' .. tail
end
if KEYS[5] then
  local key = call('HMGET', KEYS[5], 'account', 'expires', 'revoked')
  if key[1] ~= account or key[3] == '1' or (key[2] ~= '0' and tonumber(key[2]) <= now) then
    return head .. 'unknown' .. tail
  end
end
if books[3] ~= 'active' then
  return head .. 'suspended' .. tail
end
local lapsed = finish ~= '0' and tonumber(finish) <= now
if lapsed or books[2] ~= ARGV[4] then
  local terms = call('HGET', KEYS[1], 'terms')
  return head .. (lapsed and 'lapsed' or 'stale') .. tail .. ' ' .. books[2] .. ' ' .. start .. ' ' .. finish .. ' ' .. terms
end

-- Walk the burn list once: what is expired goes, what applies pays, the rest stays as it is written.
local owed = observe and 0 or amount
local kept, count, taken, gone = {}, 0, '', nil
local drawable, after, expired = 0, 0, 0
local position, size = 1, #lots
while position <= size do
  local _, stop, id, left, expires, scope = find(lots, '^([^| ]+)|(%d+)|(%d+)|(%S*) ?', position)
  if not stop then
    return redis.error_reply('BADSTATE the burn list of the account is malformed')
  end
  local holds = tonumber(left)
  if expires ~= '0' and tonumber(expires) <= now then
    gone = gone or {}
    gone[#gone + 1] = { id, left, holds }
    expired = expired + holds
  else
    local draw = 0
    if scope == '' or find(',' .. scope .. ',', ',' .. operation .. ',', 1, true) then
      draw = owed < holds and owed or holds
      drawable = drawable + holds - draw
    end
    if draw == 0 then
      count = count + 1
      kept[count] = sub(lots, position, stop)
    else
      owed = owed - draw
      taken = taken .. (taken == '' and '' or ',') .. id .. '=' .. (draw == amount and ARGV[3] or digits(draw))
      if holds > draw then
        count = count + 1
        kept[count] = id .. '|' .. digits(holds - draw) .. '|' .. expires .. '|' .. scope .. ' '
      end
    end
    after = after + holds - draw
  end
  position = stop + 1
end
local overage = tonumber(books[8])
local granted = expired == 0 and tonumber(books[7]) or tonumber(books[7]) - expired
local room = math.max(0, math.min(tonumber(books[9]) - overage, LIMIT - granted))
if owed > room then
  local drawn = amount - owed
  return head .. 'short' .. tail .. ' ' .. digits(drawn > LIMIT - room and LIMIT or drawn + room)
    .. ' ' .. digits(granted) .. ' ' .. finish
end
-- The stream is written to but never read: a wrong type must fail here, before the first write.
call('XLEN', KEYS[4])

local drawn, left = '0', digits(after)
local receipt = (after == drawable and room == owed and left or digits(math.min(drawable, LIMIT - room + owed) + room - owed))
  .. ' ' .. (granted + owed == tonumber(books[7]) and books[7] or digits(granted + owed)) .. ' ' .. finish
local at = ',"at":' .. second .. ',"period":' .. start .. (behind > 0 and ',"behind":' .. digits(behind) or '') 
if not observe then
  call('HINCRBY', KEYS[2], operation, ARGV[3])
  drawn = owed == 0 and ARGV[3] or digits(amount - owed)
end
if gone then
  local holds = after + expired + tonumber(drawn)
  for _, lot in ipairs(gone) do
    holds = holds - lot[3]
    call('XADD', KEYS[4], '*', 'e', '{"kind":"expire","account":"' .. account .. '","op":"expire:' .. lot[1]
      .. '","grant":"' .. lot[1] .. '","amount":"' .. lot[2] .. '","delta":"-' .. lot[2] .. '","after":"'
      .. digits(holds) .. '"' .. at .. '}')
  end
  call('HINCRBY', KEYS[1], 'expired', digits(expired))
  call('HINCRBY', KEYS[1], 'period_granted', digits(-expired))
end
call('XADD', KEYS[4], '*', 'e', (observe and '{"kind":"observed","account":"' or '{"kind":"charge","account":"')
  .. account .. '","op":"' .. op .. '","operation":"' .. operation .. '","amount":"' .. ARGV[3] .. '","taken":"'
  .. taken .. '","overage":"' .. (owed == 0 and '0' or digits(owed)) .. '","delta":"'
  .. (drawn == '0' and '0' or '-' .. drawn) .. '","after":"' .. left .. '"' .. at .. ',"quote":' .. quote .. '}')
call('HSET', KEYS[1], 'lots', table.concat(kept), 'seen', second)
if owed > 0 then
  call('HINCRBY', KEYS[1], 'granted', digits(owed))
  call('HINCRBY', KEYS[1], 'period_granted', digits(owed))
  call('HINCRBY', KEYS[1], 'overage', digits(owed))
end
call('SET', KEYS[3], (observe and 'observed ' or 'charged ') .. account .. ' ' .. ARGV[3] .. ' ' .. operation
  .. ' ' .. receipt .. ' ' .. start .. ' ' .. (owed == 0 and '0' or digits(owed)) .. ' 0 ' .. taken,
  'EX', RECORD_SECONDS)
return head .. 'done' .. tail .. ' ' .. receipt

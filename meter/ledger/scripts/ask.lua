#!lua
-- Ask the merchant for a purchase, unless that was done too short a time ago, or too often: as an entry, and by a
-- letter.
--
-- uses: numbers clock books letters telling
--
-- KEYS  1 account  2 told  3 ledger  4 letters  5 waiting  6 dead  7 notices
-- ARGV  1 op  2 account id  3 name  4 what  5 how often it was asked before  6 data (JSON object)
--       7 whether a letter goes out (0, 1)  8 letters that may wait  9 dead letters that are kept
--       10 seconds from one time to the next  11 times at most  12 in so many seconds, from the first of them on
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind> ..." with
--   done     it is written down, and its letter waits
--   repeat   it was asked meanwhile
--   capped   the second from which on it may be asked
--   unknown

local b = read(ARGV[1], ARGV[2])
for _, place in ipairs({ 5, 8, 9, 10, 11, 12 }) do
  if not is_whole(ARGV[place]) then
    return redis.error_reply('BADARG the pace is malformed')
  end
end
if not is_notice(ARGV[3], ARGV[4], ARGV[6]) then
  return redis.error_reply('BADARG the notice is malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
local kept = redis.call('HMGET', KEYS[2], 'asked', 'asked_at', 'asked_from', 'asked_since')
if (kept[1] or '0') ~= ARGV[5] then
  return answer(b, 'repeat')
end
local first, count = tonumber(kept[3] or '0'), tonumber(kept[4] or '0')
local next_at = kept[2] and tonumber(kept[2]) + tonumber(ARGV[10]) or 0
if b.now >= first + tonumber(ARGV[12]) then
  first, count = b.now, 0
elseif count >= tonumber(ARGV[11]) then
  next_at = math.max(next_at, first + tonumber(ARGV[12]))
end
if b.now < next_at then
  return answer(b, 'capped', digits(next_at))
end

tell(b, ARGV[3], ARGV[4], ARGV[6], ARGV[7] == '1', ARGV[8], ARGV[9])
redis.call('HSET', KEYS[2], 'asked', digits(tonumber(ARGV[5]) + 1), 'asked_at', digits(b.now), 'asked_from',
  digits(first), 'asked_since', digits(count + 1))
return answer(b, 'done')

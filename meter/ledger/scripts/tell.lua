#!lua
-- Tell somebody of an account, once an epoch and name: as an entry, and by a letter.
--
-- uses: numbers clock books letters telling
--
-- KEYS  1 account  2 told  3 ledger  4 letters  5 waiting  6 dead  7 notices
-- ARGV  1 op  2 account id  3 name  4 what  5 epoch  6 data (JSON object)  7 whether a letter goes out (0, 1)
--       8 letters that may wait  9 dead letters that are kept
--
-- Replies "<op> <account id> <word> <now> <seconds the clock is behind>" with
--   done     it is written down, and its letter waits
--   repeat   it was told in this epoch before
--   stale    another epoch runs than the one for which it was found
--   unknown

local b = read(ARGV[1], ARGV[2])
if not is_notice(ARGV[3], ARGV[4], ARGV[6]) or not is_whole(ARGV[8]) or not is_whole(ARGV[9]) then
  return redis.error_reply('BADARG the notice is malformed')
end
if not b.known then
  return answer(b, 'unknown')
end
if b.broken then
  return redis.error_reply('BADSTATE the burn list of the account is malformed')
end
if epoch_of(b) ~= ARGV[5] then
  return answer(b, 'stale')
end
local same = redis.call('HGET', KEYS[2], 'epoch') == ARGV[5]
if same and redis.call('HEXISTS', KEYS[2], 'told:' .. ARGV[3]) == 1 then
  return answer(b, 'repeat')
end

tell(b, ARGV[3], ARGV[4], ARGV[6], ARGV[7] == '1', ARGV[8], ARGV[9])
if not same then
  for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
    if find(field, '^told:') then
      redis.call('HDEL', KEYS[2], field)
    end
  end
  redis.call('HSET', KEYS[2], 'epoch', ARGV[5])
end
redis.call('HSET', KEYS[2], 'told:' .. ARGV[3], digits(b.now))
return answer(b, 'done')

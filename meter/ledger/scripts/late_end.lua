#!lua flags=allow-oom
-- Forget how far an account of served calls was charged, when all of it is. It may be repeated.
--
-- uses: numbers clock books
--
-- KEYS  1 account
-- ARGV  1 tag  2 account id  3 account of served calls (hex)
--
-- Replies "<tag> <account id> done <now> <seconds the clock is behind>"

local b = read(ARGV[1], ARGV[2])
if not find(ARGV[3], '^%x+$') then
  return redis.error_reply('BADARG the account of served calls is malformed')
end
redis.call('HDEL', KEYS[1], 'served:' .. ARGV[3])
return answer(b, 'done')

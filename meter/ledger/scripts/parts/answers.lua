-- The answers that are kept for an account, by the digests of their keys; `bytes` is what they take in all, `kept` how
-- many there ever were.
--
-- KEYS  3 answers  4 the digests of those that have one, the oldest first
local function let_go(digest)
  local size = redis.call('HSTRLEN', KEYS[3], digest)
  if size > 0 then
    redis.call('HDEL', KEYS[3], digest)
    redis.call('HINCRBY', KEYS[3], 'bytes', digits(-size))
  end
  redis.call('ZREM', KEYS[4], digest)
end

-- Letters: what is to be delivered, in a hash by their ids as "<attempts> <how the last one failed> <second of its entry>
-- <account> <what> <data>". Those that wait are listed by the second at which each is due, dead ones by the second at
-- which they were given up.
local function letter_of(letters, id)
  local text = redis.call('HGET', letters, id)
  if text then
    local attempts, rest = string.match(text, '^(%d+) %S+ (.*)$')
    return attempts, rest
  end
end

-- Give up, and forget the oldest dead letters where there are too many.
local function give_up(letters, dead, id, now, dead_max)
  redis.call('ZADD', dead, digits(now), id)
  local many = redis.call('ZCARD', dead) - tonumber(dead_max)
  if many > 0 then
    for _, old in ipairs(redis.call('ZRANGE', dead, '0', digits(many - 1))) do
      redis.call('HDEL', letters, old)
      redis.call('ZREM', dead, old)
    end
  end
end

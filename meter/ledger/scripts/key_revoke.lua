#!lua
-- Make an API key unknown from the next charge on.
--
-- uses: numbers clock
--
-- KEYS  1 API key  2 ledger
-- ARGV  1 op  2 shard  3 "@" and who asks for it, where that is known
--
-- Replies "<op> <shard> <word> <now> 0" with done, repeat (it was revoked before), unknown

local record = redis.call('HMGET', KEYS[1], 'account', 'revoked', 'hint')
local now = digits(clock(0))
local head = ARGV[1] .. ' ' .. ARGV[2] .. ' '
if not record[1] then
  return head .. 'unknown ' .. now .. ' 0'
end
if record[2] == '1' then
  return head .. 'repeat ' .. now .. ' 0'
end
local actor = string.match(ARGV[3] or '', '^@([%w%._:%-]+)$')

redis.call('XADD', KEYS[2], '*', 'e', '{"kind":"key_revoked","account":"' .. record[1] .. '","op":"' .. ARGV[1]
  .. '","hint":"' .. record[3] .. '","delta":"0","at":' .. now
  .. (actor and ',"actor":"' .. actor .. '"' or '') .. '}')
redis.call('HSET', KEYS[1], 'revoked', '1')
return head .. 'done ' .. now .. ' 0'

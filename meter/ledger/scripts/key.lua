#!lua flags=no-writes
-- The record of an API key: a hint, the charge decides.
--
-- uses: numbers clock
--
-- KEYS  1 API key
-- ARGV  1 tag  2 shard
--
-- Replies "<tag> <shard> <word> <now> 0 ..." with
--   done     account created expires revoked hint operations level, "-" where the last two say nothing
--   unknown

local record = redis.call('HMGET', KEYS[1], 'account', 'created', 'expires', 'revoked', 'hint', 'operations', 'level')
record[6], record[7] = record[6] or '-', record[7] or '-'
local head, tail = ARGV[1] .. ' ' .. ARGV[2] .. ' ', ' ' .. digits(clock(0)) .. ' 0'
if not record[1] then
  return head .. 'unknown' .. tail
end
return head .. 'done' .. tail .. ' ' .. table.concat(record, ' ')

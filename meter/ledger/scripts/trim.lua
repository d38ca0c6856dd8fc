#!lua flags=allow-oom
-- Forget the entries of a shard up to one of them, but none of the last seconds. Allowed in a full store: it makes
-- room.
--
-- uses: numbers clock
--
-- KEYS  1 ledger
-- ARGV  1 tag  2 shard  3 stream id of the last one to forget  4 seconds whose entries stay, the one that runs included
--
-- Replies "<tag> <shard> done <now> 0 <entries forgotten>"

local ms, part = string.match(ARGV[3], '^(%d+)%-(%d+)$')
if not is_whole(ms) or not is_whole(part) or not is_whole(ARGV[4]) then
  return redis.error_reply('BADARG the stream id or the seconds to keep are malformed')
end
local now = clock(0)
local first, keep = tonumber(ms), (now - tonumber(ARGV[4])) * 1000
local from = digits(first) .. '-' .. digits(tonumber(part) + 1)
if ARGV[4] ~= '0' and first >= keep then
  from = digits(math.max(0, keep)) .. '-0'
end
local gone = redis.call('XTRIM', KEYS[1], 'MINID', from)
return ARGV[1] .. ' ' .. ARGV[2] .. ' done ' .. digits(now) .. ' 0 ' .. digits(gone)

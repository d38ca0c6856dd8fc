#!lua
-- Say how many calls a worker has in progress; learn who samples the load, and what was last published.
--
-- KEYS[1]  {meter}:load   hash: "w:<worker>" = "<ms> <calls>", "leader" = "<worker> <ms until>", "published" = JSON
-- ARGV[1]  echo           returned as it came
-- ARGV[2]  worker         id of the worker
-- ARGV[3]  calls          whole number of calls in progress
--
-- Returns {echo, "done", leader ("1" or "0"), now in ms, calls in progress in all workers, published ("" if nothing)}.
local FRESH_MS = 5000
local TERM_MS = 3000
local KEPT_SECONDS = 60

if not string.match(ARGV[3], '^%d+$') then return redis.error_reply('calls is not a whole number') end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local fields = redis.call('HGETALL', KEYS[1])

local leader, leader_until, published = ARGV[2], 0, ''
local total = tonumber(ARGV[3])
local stale = {}
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'published' then
    published = value
  elseif name == 'leader' then
    local holder, till = string.match(value, '^(%S+) (%d+)$')
    if tonumber(till) > now then leader, leader_until = holder, tonumber(till) end
  elseif name ~= 'w:' .. ARGV[2] then
    local at, calls = string.match(value, '^(%d+) (%d+)$')
    if now - tonumber(at) < FRESH_MS then total = total + tonumber(calls) else stale[#stale + 1] = name end
  end
end

local leads = leader == ARGV[2]
local mine = string.format('%.0f %s', now, ARGV[3])
if leads then
  local reign = string.format('%s %.0f', ARGV[2], now + TERM_MS)
  redis.call('HSET', KEYS[1], 'w:' .. ARGV[2], mine, 'leader', reign)
else
  redis.call('HSET', KEYS[1], 'w:' .. ARGV[2], mine)
end
for _, name in ipairs(stale) do redis.call('HDEL', KEYS[1], name) end
redis.call('EXPIRE', KEYS[1], KEPT_SECONDS)
return {ARGV[1], 'done', leads and '1' or '0', string.format('%.0f', now), string.format('%.0f', total), published}

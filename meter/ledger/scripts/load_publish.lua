#!lua
-- Publish the state of the load for all workers, if the worker still leads.
--
-- KEYS[1]  {meter}:load
-- ARGV[1]  echo           returned as it came
-- ARGV[2]  worker         id of the worker
-- ARGV[3]  published      one JSON object, opaque to the store
--
-- Returns {echo, "done"}, or {echo, "gone"} where another worker leads by now.
local reign = redis.call('HGET', KEYS[1], 'leader')
if not reign or string.match(reign, '^(%S+) ') ~= ARGV[2] then return {ARGV[1], 'gone'} end
redis.call('HSET', KEYS[1], 'published', ARGV[3])
return {ARGV[1], 'done'}

-- A claim of a call on its idempotency key: "state op fingerprint until".
--
-- States: running (renewed by its worker, who is dead where it is not renewed until that second), done (the answer is
-- kept, unless it had to go), gone (the call has ended, and there is no answer to give again).
--
-- KEYS  1 claim  2 the account's live keys
-- ARGV  1 op id  2 account id  3 digest of the key
local function claim_of(key)
  local text = redis.call('GET', key)
  if not text then
    return nil
  end
  local state, op, fingerprint, till = string.match(text, '^(%a+) (%S+) (%x+) (%d+)$')
  return { state = state, op = op, fingerprint = fingerprint, till = tonumber(till) }
end

-- Write a claim, which lives `seconds` from now on, and so does its account's list of them.
local function write_claim(claim, now, seconds)
  redis.call('SET', KEYS[1], claim.state .. ' ' .. claim.op .. ' ' .. claim.fingerprint .. ' ' .. digits(claim.till),
    'EX', seconds)
  redis.call('ZADD', KEYS[2], digits(now + tonumber(seconds)), ARGV[3])
  redis.call('EXPIRE', KEYS[2], seconds)
end

local function say(word, now, rest)
  return ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. word .. ' ' .. digits(now) .. ' 0' .. (rest and ' ' .. rest or '')
end

-- An operation's record: "state account amount operation remaining granted end start overage back taken", and of an
-- open hold besides "until by at_least": the second at which it expires, what becomes of it then (release, charge), and
-- the least that it is charged for. A lease is a hold with "seq owner" besides: of what was posted from it last,
-- and the process that spends it. Last of all comes " &path limits", as limits.lua writes it.
--
-- States: charged, settled (a hold at its price), refunded, voided, observed, held, released, expired (a hold that
-- nobody closed in time). Only money that is set aside has a record without an end.
local function record_of(key, op)
  local text = redis.call('GET', key)
  if not text then
    return nil
  end
  local body, path, counted = string.match(text, '^(.-) &(%S+) (.*)$')
  text = body or text
  local state, account, amount, operation, receipt, start, overage, back, taken, more =
    string.match(text, '^(%a+) (%S+) (%d+) (%S+) (%d+ %d+ %d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')
  local till, by, least, seq, owner = string.match(more or '', '^(%d+) (%a+) (%d+) ?(%d*) ?(%x*)$')
  return { op = op, state = state, account = account, amount = tonumber(amount or '0'), operation = operation,
    receipt = receipt, start = start, overage = tonumber(overage or '0'), back = tonumber(back or '0'), taken = taken,
    till = tonumber(till or '0'), by = by, at_least = tonumber(least or '0'), seq = tonumber(seq or ''),
    owner = owner, path = path ~= '-' and path or nil, counted = counted ~= '-' and counted or nil }
end

local function write_record(key, record)
  local text = record.state .. ' ' .. record.account .. ' ' .. digits(record.amount) .. ' ' .. record.operation .. ' '
    .. record.receipt .. ' ' .. record.start .. ' ' .. digits(record.overage) .. ' ' .. digits(record.back) .. ' '
    .. record.taken
  if record.state == 'held' then
    redis.call('SET', key, text .. ' ' .. digits(record.till) .. ' ' .. record.by .. ' ' .. digits(record.at_least)
      .. (record.seq and ' ' .. digits(record.seq) .. ' ' .. record.owner or '') .. trail_of(record))
  else
    redis.call('SET', key, text .. trail_of(record), 'EX', RECORD_SECONDS)
  end
end

-- The stream id of the last entry of a stream, whether it is still there or trimmed; 0-0 where there never was one.
local function last_entry(stream)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', '1')[1]
  if last then
    return last[1]
  end
  local info = redis.pcall('XINFO', 'STREAM', stream)
  for place = 1, #info, 2 do
    if info[place] == 'last-generated-id' then
      return info[place + 1]
    end
  end
  return '0-0'
end

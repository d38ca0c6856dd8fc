-- Amounts: decimal strings outside, whole numbers up to 2^53-1 inside. Never `tostring` nor `..` on a number: both
-- write 10^14 as 1e+14.
local LIMIT = 9007199254740991
local find, format = string.find, string.format

-- Adding nothing turns -0, which prints as "-0" and is no number to HINCRBY, into 0.
local function digits(number)
  return format('%.0f', number + 0)
end

local function is_whole(text)
  return text and #text <= 16 and find(text, '^%d+$') and tonumber(text) <= LIMIT
end

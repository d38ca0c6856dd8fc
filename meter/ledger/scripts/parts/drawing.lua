-- Drawing: credits leave the grants in their burn order, and beyond them the plan's overage.

-- What was taken first, and then: one text, in which a grant that went on paying stands once.
local function joined(taken, more)
  local earlier, id, amount = string.match(taken, '^(.-),?([^=,]+)=(%d+)$')
  local next_id, next_amount, later = string.match(more, '^([^=,]+)=(%d+)(.*)$')
  if not id or not next_id then
    return taken .. more
  end
  if id ~= next_id then
    return taken .. ',' .. more
  end
  return earlier .. (earlier ~= '' and ',' or '') .. id .. '=' .. digits(tonumber(amount) + tonumber(next_amount)) .. later
end

-- Take `owed` for an operation; nothing may be owed beyond what is drawable. Returns what each grant gave
-- ("grant=amount,..."), and how much was overage.
local function draw(b, operation, owed)
  local taken = {}
  for _, lot in ipairs(b.lots) do
    local part = pays_for(lot, operation) and math.min(owed, lot.left) or 0
    if part > 0 then
      lot.left, owed = lot.left - part, owed - part
      table.insert(taken, lot.id .. '=' .. digits(part))
    end
  end
  b.granted, b.overage = b.granted + owed, b.overage + owed
  change(b, 'granted', owed)
  change(b, 'period_granted', owed)
  change(b, 'overage', owed)
  return table.concat(taken, ','), owed
end

-- Set aside what was drawn, of which so much was overage.
local function set_aside(b, amount, overage)
  b.held = b.held + amount
  change(b, 'held', amount)
  change(b, 'held_overage', overage)
end

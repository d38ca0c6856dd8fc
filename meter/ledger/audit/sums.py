"""What an entry must come to by itself, and after the one before it."""

from collections.abc import Iterator

from meter.ledger.audit.entry import Entry, Kind, Line, parts, total
from meter.ledger.audit.finding import Finding, Invariant, of_entry, shown
from meter.ledger.audit.homes import CLOSING
from meter.ledger.audit.standing import Standing

DRAWING = (Kind.CHARGE, Kind.HOLD, Kind.EXTEND, Kind.LATE, Kind.LEASE)
"""The kinds of entries that only take from grants, and from overage."""

_GIVING = (Kind.OPEN, Kind.RENEW, Kind.GRANT)
_TAKING = (Kind.REVOKE, Kind.REDUCE, Kind.EXPIRE)

_BY_HAND = "No script writes such an entry: find out who did, and correct the account by a grant or a refund."
_MISSING = "An entry before it is missing, or one was written by hand: look into the archive and into backups."
_UNWRITTEN = "Something changed the account before it without an entry; correct it by a grant or a refund."


def wrong_sums(line: Line) -> Iterator[Finding]:
    """An entry that does not add up."""
    for what, whole, its_parts in _sums(line.entry):
        if whole != its_parts:
            says = f"does not add up: {what} is {shown(whole)}, and its parts come to {shown(its_parts)}."
            yield of_entry(Invariant.CONSERVATION, line, says, _BY_HAND, expected=its_parts, found=whole)


def breaks(before: Standing, line: Line) -> Iterator[Finding]:
    """An entry that does not continue the one before it."""
    after, expected = line.entry.after, before.after + line.entry.delta
    if after is not None and after != expected:
        says = (
            f"says that grants hold {shown(after)} after it; by entry {before.last or 'none'} it is {shown(expected)}."
        )
        yield of_entry(Invariant.ONE_ENTRY, line, says, _MISSING, expected=expected, found=after)


def contradictions(before: Standing, line: Line) -> Iterator[Finding]:
    """A checkpoint, or a period's end, that says something else than the entries before it."""
    for what, said, folded in _told(before, line.entry) if before.known else ():
        if said != folded:
            says = f"says that {what} is {shown(said)}; the entries before it come to {shown(folded)}."
            yield of_entry(Invariant.ONE_ENTRY, line, says, _UNWRITTEN, expected=folded, found=said)


def overdrafts(before: Standing, after: Standing, line: Line) -> Iterator[Finding]:
    """An entry that takes more than is there, or more overage than the terms allow."""
    if not after.known:
        return
    for grant, left in after.lots.items():
        had = before.lots.get(grant, 0)
        if left < 0 <= had:
            says = f"takes {shown(had - left)} from grant {grant}, which held {shown(had)}."
            fix = "Grant the difference, and find out who wrote the entry."
            yield of_entry(Invariant.NO_OVERDRAFT, line, says, fix, expected=0, found=left)
    overage, limit = after.counters.overage, after.overage_limit
    if limit is not None and not after.vague and overage > max(limit, before.counters.overage):
        says = f"brings the overage to {shown(overage)}, and the terms allow {shown(limit)}."
        fix = "Bill the overage or grant the difference, and find out who wrote the entry."
        yield of_entry(Invariant.NO_OVERDRAFT, line, says, fix, expected=limit, found=overage)


def doubles(before: Standing | None, line: Line) -> Iterator[Finding]:
    """A step that changes an account once, and was written twice."""
    entry = line.entry
    if before is not None and _again(before, entry):
        says = f"is a step that was done before: {entry.op}, by {shown(entry.amount)} credits this time."
        fix = "Take back by a revoke what came twice, or grant what was taken twice."
        yield of_entry(Invariant.AT_MOST_ONCE, line, says, fix, expected=0, found=entry.amount)


def _again(before: Standing, entry: Entry) -> bool:
    match entry.kind:
        case Kind.OPEN:
            return True
        case Kind.GRANT:
            return entry.grant in before.expiries
        case Kind.REVOKE:
            return entry.grant in before.revoked_grants
        case Kind.RENEW:
            return before.known and entry.period <= before.start
        case _:
            return False


def _sums(entry: Entry) -> Iterator[tuple[str, int, int]]:
    amount, overage = entry.amount, entry.overage
    taken, to, drawn = total(entry.taken), total(entry.to), total(entry.drawn)
    delta = 0
    if entry.kind in DRAWING:
        yield "what it took", amount, taken + overage
        delta = -taken
    elif entry.kind is Kind.POST:
        yield "what it took", amount, taken + overage
    elif entry.kind in (Kind.REFUND, Kind.VOID):
        yield "what it gave back", amount, to + overage
        delta = to
    elif entry.kind in CLOSING:
        yield "what was held", entry.held, amount - entry.extra + to + entry.back
        yield "what was paid", amount, taken + overage
        delta = to - drawn
    elif entry.kind in _GIVING:
        delta = amount
    elif entry.kind in _TAKING:
        delta = -amount
    yield "what it did to the grants", entry.delta, delta


def _told(before: Standing, entry: Entry) -> Iterator[tuple[str, int, int]]:
    counters, used = before.counters, sum(before.used.values())
    if entry.kind is Kind.RENEW and not before.vague:
        yield "the use of the period that ended", entry.spent, used
    if entry.kind is not Kind.CHECKPOINT:
        return
    for name in ("granted", "expired", "revoked", "held"):
        yield f"`{name}`", getattr(entry, name), getattr(counters, name)
    if before.vague:
        yield "what was ever used", entry.spent + entry.used, before.consumed
    else:
        yield "`spent`", entry.spent, counters.spent
        yield "what was used in this period", entry.used, used
        yield "`period_granted`", entry.period_granted, counters.period_granted
        yield "`overage`", entry.overage, counters.overage
    lots = dict(parts(entry.lots))
    for grant in sorted({*lots, *before.lots}):
        yield f"what grant {grant} holds", lots.get(grant, 0), before.lots.get(grant, 0)

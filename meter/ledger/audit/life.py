"""One operation's life, from its first entry to its last: it changes the books once, and a hold is closed once."""

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from meter.ledger.audit.entry import Entry, Kind, Line, Parts, parts
from meter.ledger.audit.finding import Finding, Invariant, of_entry, shown
from meter.ledger.holding import OnExpiry


class State(StrEnum):
    """How an operation stands."""

    OBSERVED = "observed"
    CHARGED = "charged"
    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"
    EXPIRED = "released by its expiry"
    GIVEN_BACK = "done"
    """The step that gave a charge back by its entry."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """An operation after its last entry, in micro-credits."""

    account: str
    state: State
    entry: str
    """The stream id of the entry that charged it, or of the last one of its hold."""
    operation: str
    amount: int
    """What it was charged; of a hold, what is set aside."""
    taken: Parts
    overage: int
    period: int
    """The start of the one in which it counts as used."""
    back: int = 0
    """What was given back of it."""
    undone: bool = False
    """Whether that was by its record, which happens once."""
    posted: int = 0
    """Of a lease: the last number that was charged to it."""


Lived = tuple[Life | None, tuple[Finding, ...]]
"""What becomes of a life, and what was found."""


def begun(life: Life | None, line: Line) -> Lived:
    """Begin an operation: charged, observed, or held."""
    if life is not None and not (line.entry.kind is Kind.POST and life.undone):
        return life, (_twice(life, line),)
    entry = line.entry
    return _life(line, _BEGUN[entry.kind], entry.amount), ()


def extended(life: Life | None, line: Line, *, whole: bool) -> Lived:
    """Hold more."""
    if life is None or life.state is not State.HELD:
        return life, _not_open(life, line, whole=whole)
    entry = line.entry
    more = replace(
        life,
        entry=line.id,
        amount=life.amount + entry.amount,
        overage=life.overage + entry.overage,
        taken=joined(life.taken, parts(entry.taken)),
    )
    return more, ()


def closed(life: Life | None, line: Line, *, whole: bool) -> Lived:
    """Close a hold: settled, released, or ended by its expiry."""
    entry = line.entry
    after = _life(line, _closed(entry), entry.amount)
    if life is None and not whole:
        return after, ()
    if life is None or life.state is not State.HELD:
        return life, _not_open(life, line, whole=whole)
    if entry.held == life.amount:
        return after, ()
    says = f"closes {shown(entry.held)} credits of operation {entry.op}, and {shown(life.amount)} are held for it."
    return after, (of_entry(Invariant.CLOSED_ONCE, line, says, _LOST, expected=life.amount, found=entry.held),)


def late(life: Life | None, line: Line) -> Lived:
    """Charge afterwards: a hold that its expiry had released, or a call that was served while the store was away."""
    if life is not None and life.state is not State.EXPIRED and not life.undone:
        return life, (_twice(life, line),)
    state = State.CHARGED if life is None else State.SETTLED
    return _life(line, state, line.entry.amount), ()


def posted(lease: Life | None, line: Line, *, whole: bool) -> Lived:
    """Take a call that was served during an outage from its lease."""
    if lease is None or lease.state is not State.HELD:
        return lease, _not_open(lease, line, whole=whole)
    entry = line.entry
    rest = without(lease.taken, entry.amount)
    after = replace(lease, entry=line.id, amount=lease.amount - entry.amount, taken=rest, posted=entry.seq)
    if entry.seq == lease.posted + 1 and after.amount >= 0:
        return after, ()
    says = (
        f"charges call {entry.seq} to lease {entry.lease} after call {lease.posted}, {shown(entry.amount)} credits "
        f"of {shown(lease.amount)}."
    )
    return after, (of_entry(Invariant.AT_MOST_ONCE, line, says, "If the call was charged before, refund this entry."),)


def given_back(life: Life | None, line: Line, *, whole: bool) -> Lived:
    """Give back all or a part of what an operation was charged."""
    entry = line.entry
    if life is None and not whole:
        return None, ()
    if life is None or life.state not in (State.CHARGED, State.SETTLED):
        return life, (_nothing_to_give_back(life, line),)
    by_record = not entry.entry
    after = replace(life, back=life.back + entry.amount, undone=life.undone or by_record)
    if by_record and life.undone:
        return after, (_twice(life, line),)
    if after.back > life.amount or entry.entry not in ("", life.entry):
        return after, (_too_much(life, after, line),)
    return after, ()


def joined(taken: Parts, more: Parts) -> Parts:
    """What was taken first, and then: a grant that went on paying stands once."""
    if not taken or not more or taken[-1][0] != more[0][0]:
        return taken + more
    return (*taken[:-1], (taken[-1][0], taken[-1][1] + more[0][1]), *more[1:])


def within(taken: Parts, amount: int) -> Parts:
    """The parts that pay an amount: what was burnt first pays first."""
    found = []
    for grant, burnt in taken:
        part = min(amount, burnt)
        amount -= part
        if part:
            found.append((grant, part))
    return tuple(found)


def without(taken: Parts, amount: int) -> Parts:
    """The parts that are left when an amount is paid."""
    found = []
    for grant, burnt in taken:
        part = min(amount, burnt)
        amount -= part
        if burnt > part:
            found.append((grant, burnt - part))
    return tuple(found)


_SECOND = "Set the account right by a grant or a refund, and find out who wrote the second entry."
_LOST = "An entry `hold` or `extend` of it is missing: correct the account by a grant."
_REVOKE = "Revoke what came back too much from the grants that it went to, and find out who wrote the entry."

_BEGUN = {
    Kind.CHARGE: State.CHARGED,
    Kind.POST: State.CHARGED,
    Kind.OBSERVED: State.OBSERVED,
    Kind.HOLD: State.HELD,
    Kind.LEASE: State.HELD,
    Kind.REFUND: State.GIVEN_BACK,
    Kind.VOID: State.GIVEN_BACK,
}


def _closed(entry: Entry) -> State:
    if entry.kind is Kind.EXPIRE_HOLD:
        return State.EXPIRED if entry.by == OnExpiry.RELEASE else State.SETTLED
    return State.SETTLED if entry.kind is Kind.SETTLE else State.RELEASED


def _life(line: Line, state: State, amount: int) -> Life:
    entry = line.entry
    return Life(
        account=entry.account,
        state=state,
        entry=line.id,
        operation=entry.operation,
        amount=amount,
        taken=parts(entry.taken),
        overage=entry.overage,
        period=entry.period,
    )


def _twice(life: Life, line: Line) -> Finding:
    op, amount = line.entry.of or line.entry.op, line.entry.amount
    says = f"changes the books by {shown(amount)} credits for operation {op}, and so did entry {life.entry} by "
    return of_entry(
        Invariant.AT_MOST_ONCE,
        line,
        f"{says}{shown(life.amount)}.",
        _SECOND,
        expected=life.amount,
        found=life.amount + amount,
    )


def _not_open(life: Life | None, line: Line, *, whole: bool) -> tuple[Finding, ...]:
    if life is None and not whole:
        return ()
    op = line.entry.lease or line.entry.op
    before = "was never held" if life is None else f"is {life.state} since entry {life.entry}"
    return (of_entry(Invariant.CLOSED_ONCE, line, f"is of a hold that is not open: operation {op} {before}.", _SECOND),)


def _nothing_to_give_back(life: Life | None, line: Line) -> Finding:
    amount = line.entry.amount
    before = "was never charged" if life is None else f"is {life.state}"
    says = f"gives {shown(amount)} credits back of operation {line.entry.of}, which {before}."
    return of_entry(Invariant.BACK_HOME, line, says, _REVOKE, expected=0, found=amount)


def _too_much(before: Life, after: Life, line: Line) -> Finding:
    says = f"brings what came back of operation {line.entry.of} to {shown(after.back)} credits"
    if after.back <= before.amount:
        says += f" by entry {line.entry.entry}"
    says += f"; entry {before.entry} charged it {shown(before.amount)}."
    return of_entry(Invariant.BACK_HOME, line, says, _REVOKE, expected=before.amount, found=after.back)

"""Open holds, as their entries have them, against what the store has of them."""

from collections.abc import Iterator

from meter.ledger import names
from meter.ledger.audit.finding import Finding, Invariant, shown
from meter.ledger.audit.life import Life, State
from meter.ledger.audit.standing import Standing
from meter.ledger.audit.stored import HoldStored
from meter.ledger.sweeping import SWEEP_SECONDS

HELD = "held"
"""The state of the record of an open hold."""

LATE_SECONDS = 5 + int(SWEEP_SECONDS)
"""A hold is closed within five seconds of its expiry, and the sweep that does it takes its time."""


def adopted(hold: HoldStored) -> Life:
    """A hold whose entries were not read, by its record."""
    return Life(
        account=hold.account,
        state=State.HELD,
        entry="",
        operation=hold.operation,
        amount=hold.amount,
        taken=hold.taken,
        overage=hold.overage,
        period=hold.start,
    )


def wrong_hold(life: Life | None, hold: HoldStored, shard: int, now: int) -> Iterator[Finding]:
    """What is wrong with one hold.

    Args:
        life: as its entries have it; None where there is none.
        hold: as the store has it.
        shard: where it lives.
        now: the store's Unix second.
    """
    key, member = names.holds_key(shard), f"{hold.account}|{hold.op}"
    is_open, was_open = hold.state == HELD, life is not None and life.state is State.HELD
    if not is_open and was_open:
        record = "no record" if hold.state is None else f"a record that says `{hold.state}`"
        yield _finding(life, hold, f"is open by its entries, and has {record}.", _UNRECORDED)
    elif is_open and not was_open:
        said = "no entry" if life is None else f"an entry by which it is {life.state}"
        yield _finding(life, hold, f"has a record by which it is open, and {said}.", _UNWRITTEN)
    elif not is_open and hold.listed is not None:
        yield _finding(life, hold, "is on the list of open holds, and is not open.", f"ZREM {key} '{member}'")
    elif is_open and hold.listed != hold.until:
        listed = (
            "is not on the list of open holds"
            if hold.listed is None
            else f"has {hold.listed} on the list of open holds"
        )
        says = f"expires at {hold.until} by its record, and {listed}: nobody will close it in time."
        yield _finding(life, hold, says, f"ZADD {key} {hold.until} '{member}'")
    if life is not None and is_open and was_open:
        yield from _unlike(life, hold)
        yield from _overdue(life, hold, now)


def unheld(standing: Standing, open_holds: int) -> Iterator[Finding]:
    """What is held of an account, and no open hold is for."""
    held = standing.counters.held
    if standing.known and held != open_holds:
        yield Finding(
            invariant=Invariant.CLOSED_ONCE,
            account=standing.account,
            entry=standing.last,
            says=f"{shown(held)} credits are held by the entries, and open holds have {shown(open_holds)}.",
            fix="A hold has lost its record: grant the difference to the account once its books are set right.",
            expected=open_holds,
            found=held,
        )


_UNRECORDED = "Nobody can close it any more: grant what it held to the account, and set `held` right."
_UNWRITTEN = "Find out who wrote the record, and delete it, or it will be closed and give back what was never held."


def _unlike(life: Life, hold: HoldStored) -> Iterator[Finding]:
    if (life.amount, life.overage, life.taken) != (hold.amount, hold.overage, hold.taken):
        yield Finding(
            invariant=Invariant.ONE_ENTRY,
            account=hold.account,
            entry=life.entry or None,
            says=f"The hold of operation {hold.op} is {_taken(hold)} by its record, and {_taken(life)} by its entries.",
            fix="Find out who wrote the record; close the hold, and correct the account by a grant or a refund.",
            expected=life.amount,
            found=hold.amount,
        )


def _overdue(life: Life, hold: HoldStored, now: int) -> Iterator[Finding]:
    late = now - hold.until
    if late > LATE_SECONDS:
        says = f"expired {late} s ago and is still open; expired holds are closed within {LATE_SECONDS} s."
        yield _finding(
            life, hold, says, "Let a worker run (`meter serve`, or an app with the middleware): it closes them."
        )


def _finding(life: Life | None, hold: HoldStored, says: str, fix: str) -> Finding:
    return Finding(
        invariant=Invariant.CLOSED_ONCE,
        account=hold.account,
        entry=life.entry or None if life else None,
        says=f"The hold of operation {hold.op} {says}",
        fix=fix,
    )


def _taken(held: Life | HoldStored) -> str:
    parts = [f"{grant} {shown(amount)}" for grant, amount in held.taken]
    return f"{shown(held.amount)} ({', '.join(parts + ([f'overage {shown(held.overage)}'] if held.overage else []))})"

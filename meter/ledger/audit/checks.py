"""An account as its entries add up, against the account as the store has it."""

from collections.abc import Iterator, Mapping

from meter.credits import LIMIT
from meter.ledger.audit.finding import Finding, Invariant, shown
from meter.ledger.audit.standing import Standing
from meter.ledger.audit.stored import COUNTERS, Stored
from meter.ledger.promise import Status

PERIODIC = ("spent", "period_granted", "overage")
"""Counters that nobody knows from the entries where they are vague."""
HOLDING = "holding"
"""What a checkpoint does not say."""


def differences(standing: Standing, stored: Stored) -> Iterator[Finding]:
    """What the entries of an account come to, and the store says otherwise."""
    if not standing.known:
        return
    for name in COUNTERS:
        folded, kept = getattr(standing.counters, name), getattr(stored.counters, name)
        unknown = (standing.vague and name in PERIODIC) or (name == HOLDING and not standing.whole)
        if folded != kept and not unknown:
            yield _difference(standing, f"`{name}`", folded, kept)
    lots = {lot.grant: lot.left for lot in stored.lots}
    for grant in sorted({*lots, *standing.lots}):
        if standing.lots.get(grant, 0) != lots.get(grant, 0):
            yield _difference(standing, f"What grant {grant} holds", standing.lots.get(grant, 0), lots.get(grant, 0))
    yield from _use(standing, stored)
    yield from _facts(standing, stored)


def unbalanced(stored: Stored) -> Iterator[Finding]:
    """What does not add up in the store itself, whatever the entries say."""
    counters, left, used = stored.counters, sum(lot.left for lot in stored.lots), sum(stored.used.values())
    ever = {
        "spendable": left,
        "held": counters.held,
        "spent": counters.spent + used,
        "expired": counters.expired,
        "revoked": counters.revoked,
    }
    yield from _unequal(stored, "were granted", counters.granted, ever)
    now = {"spendable": left, "held": counters.held, "used": used}
    yield from _unequal(stored, "were granted in this period", counters.period_granted, now)
    yield from _negative(stored)
    yield from _short_form(stored)


def _use(standing: Standing, stored: Stored) -> Iterator[Finding]:
    if "" not in standing.used and not standing.vague:
        for operation in sorted({*standing.used, *stored.used}):
            folded, kept = standing.used.get(operation, 0), stored.used.get(operation, 0)
            if folded != kept:
                yield _difference(standing, f"What {operation} used in this period", folded, kept)
        return
    spent = stored.counters.spent if standing.vague else 0
    folded = standing.consumed if standing.vague else sum(standing.used.values())
    kept = spent + sum(stored.used.values())
    if folded != kept:
        yield _difference(
            standing, "What was ever used" if standing.vague else "What was used in this period", folded, kept
        )


def _facts(standing: Standing, stored: Stored) -> Iterator[Finding]:
    texts, numbers = stored.texts, stored.numbers
    if standing.terms is not None:
        pairs: Mapping[str, tuple[object, object]] = {
            "terms": (standing.terms, texts["terms"]),
            "overage_limit": (standing.overage_limit, numbers["overage_limit"]),
        }
        yield from _other(standing, pairs)
    if standing.whole:
        pairs = {
            "revision": (standing.revision, numbers["revision"]),
            "status": (standing.status, texts["status"]),
        }
        yield from _other(standing, pairs)
    yield from _other(standing, {"start": (standing.start, numbers["start"])})


def _other(standing: Standing, pairs: Mapping[str, tuple[object, object]]) -> Iterator[Finding]:
    for name, (folded, kept) in pairs.items():
        if folded != kept:
            yield Finding(
                invariant=Invariant.ONE_ENTRY,
                account=standing.account,
                entry=standing.last,
                says=f"`{name}` is {kept} in the store, and {folded} by the entries.",
                fix="Something changed it without an entry; set it with `meter account`, or by its own step.",
            )


def _unequal(stored: Stored, what: str, whole: int, its_parts: Mapping[str, int]) -> Iterator[Finding]:
    together = sum(its_parts.values())
    if whole != together:
        sums = " + ".join(f"{shown(amount)} {name}" for name, amount in its_parts.items())
        yield Finding(
            invariant=Invariant.CONSERVATION,
            account=stored.account,
            says=f"{shown(whole)} credits {what}, and {sums} = {shown(together)}.",
            fix="Suspend the account until its books are right; what differs from its entries says where they are not.",
            expected=together,
            found=whole,
        )


def _negative(stored: Stored) -> Iterator[Finding]:
    amounts = {f"`{name}`": getattr(stored.counters, name) for name in COUNTERS}
    amounts |= {f"What grant {lot.grant} holds": lot.left for lot in stored.lots}
    for what, amount in amounts.items():
        if amount < 0:
            yield Finding(
                invariant=Invariant.NO_OVERDRAFT,
                account=stored.account,
                says=f"{what} is {shown(amount)} in the store, and nothing may be below 0.",
                fix="Suspend the account until its books are right, and grant what is missing.",
                expected=0,
                found=amount,
            )


def _short_form(stored: Stored) -> Iterator[Finding]:
    """What plain charges go by, in place of the burn list and the counters."""
    should, kept = _as_written(stored), {**stored.numbers, **stored.texts}
    for name, value in should.items():
        if kept[name] != value:
            yield Finding(
                invariant=Invariant.ONE_ENTRY,
                account=stored.account,
                says=f"`{name}`, by which plain charges go, is {kept[name]!r} in the store; the rest says {value!r}.",
                fix="Suspend the account and resume it, which writes it anew.",
            )


def _as_written(stored: Stored) -> Mapping[str, object]:
    """As ``write_lots`` of books.lua has it."""
    lots, counters, numbers = stored.lots, stored.counters, stored.numbers
    return {
        **({} if lots else {"left": 0}),
        "others": sum(lot.left for lot in lots[1:]),
        "beyond": max(0, min(numbers["overage_limit"] - counters.overage, LIMIT - counters.period_granted)),
        "plain_until": _plain_until(stored),
        "first": lots[0].grant if lots else "-",
        "receipt": f" {counters.period_granted} {numbers['end']}",
    }


def _plain_until(stored: Stored) -> int:
    """As ``plain_until`` of books.lua has it."""
    if not stored.lots or stored.texts["status"] != Status.ACTIVE or any(lot.scope for lot in stored.lots):
        return 0
    return min(end or LIMIT for end in (stored.numbers["end"], *(lot.expires for lot in stored.lots)))


def _difference(standing: Standing, what: str, folded: int, kept: int) -> Finding:
    return Finding(
        invariant=Invariant.ONE_ENTRY,
        account=standing.account,
        entry=standing.last,
        says=f"{what} is {shown(kept)} in the store; the entries up to {standing.last} come to {shown(folded)}.",
        fix="Something changed it without an entry: find out what, then correct the account by a grant or a refund.",
        expected=folded,
        found=kept,
    )

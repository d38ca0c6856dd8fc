"""Back where it came from: what comes back goes to the grants that it left, or to the adjustment of one that ended."""

import re

from meter.ledger.audit.entry import Kind, Line, Parts, parts
from meter.ledger.audit.finding import Finding, Invariant, of_entry, shown
from meter.ledger.audit.life import Life, joined, within
from meter.ledger.audit.standing import Standing

_ADJUSTMENT = re.compile(r"adjustment:\d+(?::(.*))?", re.ASCII)

CLOSING = (Kind.SETTLE, Kind.RELEASE, Kind.EXPIRE_HOLD)
"""The kinds of entries that close a hold."""

_FIX = "Move the difference: revoke what went to the wrong grant, and grant it anew with the terms of the right one."


def strays(standing: Standing, life: Life, line: Line) -> tuple[Finding, ...]:
    """What an entry gave back elsewhere than it should have.

    Args:
        standing: the account before the entry.
        life: the operation before the entry: a charge of which something comes back, or a hold that is closed.
        line: the entry.
    """
    entry = line.entry
    skip, amount = (life.back, entry.amount) if entry.kind in (Kind.REFUND, Kind.VOID) else (0, _rest(life, line))
    homes, overage = returned(life.taken, life.overage, skip, amount)
    went, beyond = parts(entry.to), entry.back if entry.kind in CLOSING else entry.overage
    if not _fits(standing, homes, went, entry.at) or overage != beyond:
        return (_finding(line, "gives back", _shown(homes, overage), _shown(went, beyond)),)
    return _unpaid(life, line) if entry.kind in CLOSING else ()


def returned(taken: Parts, overage: int, skip: int, amount: int) -> tuple[Parts, int]:
    """What goes back to which grant, and how much of it is overage: burnt last comes back first, overage before all.

    Args:
        taken: what each grant gave, in the order in which it was burnt.
        overage: what was drawn beyond them.
        skip: what came back before.
        amount: what comes back.
    """
    owed, beyond, homes = amount, 0, []
    for grant, burnt in ((None, overage), *reversed(taken)):
        skipped = min(skip, burnt)
        back = min(owed, burnt - skipped)
        skip, owed = skip - skipped, owed - back
        if grant is None:
            beyond = back
        elif back:
            homes.append((grant, back))
    return tuple(homes), beyond


def _rest(life: Life, line: Line) -> int:
    """What a hold has beyond the price at which it is closed."""
    return life.amount - (line.entry.amount - line.entry.extra)


def _fits(standing: Standing, homes: Parts, went: Parts, at: int) -> bool:
    if [amount for _, amount in homes] != [amount for _, amount in went]:
        return False
    return all(_is_home(standing, grant, to, at) for (grant, _), (to, _) in zip(homes, went, strict=True))


def _is_home(standing: Standing, grant: str, to: str, at: int) -> bool:
    """Whether credits of a grant may go there: to itself while it lives, and to its adjustment when it does not.

    An adjustment that was revoked may be the adjustment of its hour once more.
    """
    own, adjustment = _ADJUSTMENT.fullmatch(grant), _ADJUSTMENT.fullmatch(to)
    ends = int(grant.split(":")[1]) if own else standing.expiries.get(grant)
    expired, revoked = ends is not None and 0 < ends <= at, grant in standing.revoked_grants
    if to == grant:
        return not expired and (own is not None or not revoked)
    return adjustment is not None and adjustment[1] in (None, grant) and (expired or revoked or ends is None)


def _unpaid(life: Life, line: Line) -> tuple[Finding, ...]:
    """Whether a closed hold says rightly which grants paid in the end."""
    entry = line.entry
    price = entry.amount - entry.extra
    drawn = parts(entry.drawn)
    paid = joined(within(life.taken, price), drawn)
    overage = price - sum(amount for _, amount in within(life.taken, price))
    beyond = overage + entry.extra - sum(amount for _, amount in drawn)
    if (paid, beyond) == (parts(entry.taken), entry.overage):
        return ()
    return (
        _finding(
            line, "says that what paid in the end is", _shown(paid, beyond), _shown(parts(entry.taken), entry.overage)
        ),
    )


def _finding(line: Line, does: str, expected: str, found: str) -> Finding:
    says = f"{does} {found}; by the earlier entries of operation {line.entry.of or line.entry.op}, it is {expected}."
    return of_entry(Invariant.BACK_HOME, line, says, _FIX)


def _shown(homes: Parts, overage: int) -> str:
    texts = [f"{grant} {shown(amount)}" for grant, amount in homes]
    return ", ".join(texts + ([f"overage {shown(overage)}"] if overage else [])) or "nothing"

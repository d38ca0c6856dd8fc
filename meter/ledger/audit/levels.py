"""What was spent of each limit, as the entries have it, against what the store has of it.

Said here once more, beside ``parts/limits.lua``: what is drawn counts in the windows that run, and what comes back
counts less in those in which its call was counted.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from meter.credits import LIMIT
from meter.ledger.audit.entry import Entry, Kind, Line
from meter.ledger.audit.finding import Finding, Invariant, shown
from meter.ledger.audit.homes import CLOSING
from meter.ledger.limits import KEY_LEVEL, WINDOWS, Level, LimitKind
from meter.ledger.names import root_of

SECONDS = {LimitKind.MINUTE: 60, LimitKind.DAY: 24 * 3600}

_COUNTING = (Kind.CHARGE, Kind.HOLD, Kind.EXTEND, Kind.LATE, Kind.POST)
_GIVING_BACK = (Kind.REFUND, Kind.VOID)


class Spent(Struct, frozen=True):
    """What was spent since a window began."""

    start: int = 0
    amount: int = 0


class LevelStanding(Struct, frozen=True):
    """A level after its last entry."""

    name: str
    root: str
    whole: bool
    """Whether all is read that was ever counted there."""
    entry: str
    """The stream id of the last entry that was counted there."""
    windows: Mapping[LimitKind, Spent]


Levels = Mapping[str, LevelStanding]


def level_set(levels: Levels, line: Line, *, whole: bool) -> Levels:
    """The levels after an entry that sets a limit: a new level has spent nothing.

    Args:
        levels: before it.
        line: the entry.
        whole: whether all entries of its account were read: else nobody knows whether the level is new.
    """
    entry = line.entry
    if (entry.budget, entry.minute, entry.day) == ("-", "-", "-"):
        return {name: level for name, level in levels.items() if name != entry.level}
    known = levels.get(entry.level) or _fresh(entry.level, root_of(entry.account), line.id, whole=whole)
    return {**levels, entry.level: replace(known, entry=line.id)}


def levels_spent(levels: Levels, line: Line) -> Levels:
    """The levels after an entry that was counted at some of them."""
    entry = line.entry
    if not entry.limits:
        return levels
    named, at, period = entry.limits.split(" ")
    when = _When(int(at), int(period))
    root = root_of(entry.account)
    known = [levels.get(name) or _fresh(name, root, line.id, whole=False) for name in named.split(",")]
    return {**levels, **{one.name: replace(one, entry=line.id, windows=_spent(entry, one, when)) for one in known}}


def _fresh(name: str, root: str, entry: str, *, whole: bool) -> LevelStanding:
    """A level that is first heard of; one that no entry has set is there by a plan's caps, or was set before."""
    return LevelStanding(name, root, whole, entry, {kind: Spent() for kind in WINDOWS})


def wrong_levels(levels: Levels, root: str, stored: Mapping[str, Level]) -> Iterator[Finding]:
    """What was spent by the entries of a root, and is another number in the store."""
    for name, level in sorted(levels.items()):
        if level.root == root and level.whole:
            there = stored.get(name)
            for kind, spent in level.windows.items():
                window = None if there is None else getattr(there, kind)
                kept = Spent() if window is None else Spent(window.start, window.spent)
                if kept != spent:
                    yield _finding(level, kind, spent, kept)


class _When(Struct, frozen=True):
    """When a call was counted: the second, and the start of its payer's period."""

    at: int
    period: int

    def start(self, kind: LimitKind) -> int:
        """When the window began that it was counted in."""
        return self.period if kind is LimitKind.BUDGET else self.at - self.at % SECONDS[kind]


def _spent(entry: Entry, level: LevelStanding, when: _When) -> Mapping[LimitKind, Spent]:
    windows = level.windows
    if entry.kind in _COUNTING:
        return _counted(entry, level, windows, entry.amount)
    if entry.kind in _GIVING_BACK:
        return _discounted(entry, level, windows, entry.amount, when)
    if entry.kind not in CLOSING:
        return windows
    if entry.kind is Kind.SETTLE:
        windows = _counted(entry, level, windows, 0)
    windows = _discounted(entry, level, windows, entry.held - entry.amount + entry.extra, when)
    return _counted(entry, level, windows, entry.extra) if entry.extra else windows


def _counted(
    entry: Entry, level: LevelStanding, windows: Mapping[LimitKind, Spent], amount: int
) -> Mapping[LimitKind, Spent]:
    """Count in the windows that run at the moment of an entry."""
    counted = {}
    for kind, spent in windows.items():
        binds, start = _binds(entry, level, kind), _When(entry.at, entry.period).start(kind)
        over = start > spent.start if kind is LimitKind.BUDGET else start != spent.start
        now = Spent(start) if binds and over else spent
        counted[kind] = Spent(now.start, min(LIMIT, now.amount + amount)) if binds else spent
    return counted


def _discounted(
    entry: Entry, level: LevelStanding, windows: Mapping[LimitKind, Spent], amount: int, when: _When
) -> Mapping[LimitKind, Spent]:
    """Count less in the windows of a call, as far as they are still the last."""
    return {
        kind: Spent(spent.start, max(0, spent.amount - amount))
        if _binds(entry, level, kind) and when.start(kind) == spent.start
        else spent
        for kind, spent in windows.items()
    }


def _binds(entry: Entry, level: LevelStanding, kind: LimitKind) -> bool:
    """Whether a call counts there: in a budget, only what is paid at its level or above."""
    above = len(level.name) < len(entry.account) and not level.name.startswith(f"{KEY_LEVEL}:")
    return kind is not LimitKind.BUDGET or not above


def _finding(level: LevelStanding, kind: LimitKind, folded: Spent, kept: Spent) -> Finding:
    whose = "an API key" if level.name.startswith(f"{KEY_LEVEL}:") else level.name
    return Finding(
        invariant=Invariant.ONE_ENTRY,
        account=level.root,
        entry=level.entry,
        says=f"What {whose} has spent of its limit ({kind}) is {_shown(kept)} in the store, and {_shown(folded)} by "
        "the entries.",
        fix="Something changed it without an entry; it is right again with the next window, or with a limit set anew.",
        expected=folded.amount,
        found=kept.amount,
    )


def _shown(spent: Spent) -> str:
    return f"{shown(spent.amount)} since {spent.start}"

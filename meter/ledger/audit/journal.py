"""One shard's entries, taken in one after another: every account and operation as they stand, and what was found."""

from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from meter.ledger.audit import life as lives
from meter.ledger.audit.entry import Entry, Kind, Line
from meter.ledger.audit.explained import unexplained
from meter.ledger.audit.finding import Finding
from meter.ledger.audit.fold import begun, folded
from meter.ledger.audit.homes import CLOSING, strays
from meter.ledger.audit.levels import Levels, level_set, levels_spent
from meter.ledger.audit.life import Life, Lived, State
from meter.ledger.audit.standing import Since, Standing
from meter.ledger.audit.sums import breaks, contradictions, doubles, overdrafts, wrong_sums

_BEGINNING = (Kind.CHARGE, Kind.OBSERVED, Kind.HOLD, Kind.LEASE, Kind.POST)
_GIVING_BACK = (Kind.REFUND, Kind.VOID)


class Journal:
    """The books of a shard, as its entries have it."""

    def __init__(self) -> None:
        self.standings: dict[str, Standing] = {}
        self.lives: dict[str, Life] = {}
        self.steps: dict[str, Life] = {}
        """The steps that gave charges back by their entries, by account and id."""
        self.levels: Levels = {}
        """What was spent of each limit."""
        self.findings: list[Finding] = []
        self.entries = 0

    def take(self, line: Line) -> None:
        """Take in the next entry."""
        entry = line.entry
        before = self.standings.get(entry.account)
        standing = begun(line) if before is None else before
        of = self.lives.get(entry.of or entry.op)
        self.findings += wrong_sums(line)
        self.findings += doubles(before, line)
        gap = tuple(breaks(standing, line))
        if gap:
            standing = replace(standing, since=Since.GAP)
        self.findings += gap or contradictions(standing, line)
        self._live(standing, line)
        after = folded(standing, line, of)
        self.findings += overdrafts(standing, after, line)
        self.findings += unexplained(line)
        self.levels = levels_spent(self.levels, line)
        if entry.kind is Kind.LIMIT:
            self.levels = level_set(self.levels, line, whole=standing.whole)
        self.standings[entry.account] = after
        self.entries += 1

    def open_holds(self) -> Iterator[tuple[str, Life]]:
        """The operations that hold."""
        return ((op, life) for op, life in self.lives.items() if life.state is State.HELD)

    def _live(self, standing: Standing, line: Line) -> None:
        entry = line.entry
        if entry.kind in _GIVING_BACK and entry.entry:
            self._keep(self.steps, f"{entry.account} {entry.op}", lambda life: lives.begun(life, line))
        for op, step in _steps(line, whole=standing.whole):
            before = self.lives.get(op)
            found = self._keep(self.lives, op, step)
            if not found and before is not None and entry.kind in (*_GIVING_BACK, *CLOSING):
                self.findings += strays(standing, before, line)

    def _keep(self, kept: dict[str, Life], op: str, step: Callable[[Life | None], Lived]) -> tuple[Finding, ...]:
        life, found = step(kept.get(op))
        if life is not None:
            kept[op] = life
        self.findings += found
        return found


def _steps(line: Line, *, whole: bool) -> Iterable[tuple[str, Callable[[Life | None], Lived]]]:
    """What an entry does to the life of which operation."""
    entry: Entry = line.entry
    if entry.kind in _BEGINNING:
        yield entry.op, lambda life: lives.begun(life, line)
    if entry.kind is Kind.POST:
        yield entry.lease, lambda life: lives.posted(life, line, whole=whole)
    if entry.kind is Kind.EXTEND:
        yield entry.op, lambda life: lives.extended(life, line, whole=whole)
    if entry.kind in CLOSING:
        yield entry.op, lambda life: lives.closed(life, line, whole=whole)
    if entry.kind is Kind.LATE:
        yield entry.op, lambda life: lives.late(life, line)
    if entry.kind in _GIVING_BACK:
        yield entry.of, lambda life: lives.given_back(life, line, whole=whole)

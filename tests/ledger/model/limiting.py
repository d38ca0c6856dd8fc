"""Limits in the model: what was spent at each level in a period, a minute and a day."""

from dataclasses import dataclass, field

from meter.credits import Credits
from meter.ledger.limits import KEY_LEVEL, WINDOWS, Level, LimitKind, Limits, Reached, Window
from tests.ledger.model.books import DAY, Bookkeeping, Books

LENGTHS = {LimitKind.MINUTE: 60, LimitKind.DAY: DAY}


@dataclass
class Spent:
    start: int = 0
    amount: int = 0


@dataclass
class Limited:
    limits: Limits
    spent: dict[LimitKind, Spent] = field(default_factory=lambda: {kind: Spent() for kind in WINDOWS})


@dataclass
class Counted:
    """Where a call was counted, and when: the second, and the start of its payer's period."""

    levels: tuple[str, ...]
    at: int
    start: int

    @property
    def text(self) -> str:
        return f"{','.join(self.levels)} {self.at} {self.start}"

    @classmethod
    def read(cls, text: str) -> "Counted":
        levels, at, start = text.split(" ")
        return cls(tuple(levels.split(",")), int(at), int(start))


def whose(path: str, counted: Counted | None) -> dict:
    """What an entry says of who called, and where that was counted."""
    return ({"path": path} if path else {}) | ({"limits": counted.text} if counted else {})


class Limiting(Bookkeeping):
    """A budget binds what is paid at its level or above; minutes and days bind everybody."""

    def __init__(self) -> None:
        super().__init__()
        self.limited: dict[str, Limited] = {}

    def levels(self, root: str) -> tuple[Level, ...]:
        found = []
        for name, one in self.limited.items():
            windows = {kind: Window(start=w.start, spent=Credits(w.amount)) for kind, w in one.spent.items()}
            found.append(Level(name=name, limits=one.limits, **windows))
        mine = [level for level in found if level.name.partition("/")[0] == root]
        return tuple(sorted(mine, key=lambda level: level.name))

    def levels_of(self, path: str, key_level: str | None = None, capped: str | None = None) -> list[str]:
        """The levels that have limits; and one whose plan has caps."""
        parts = path.split("/")
        names = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        return [name for name in (*names, key_level) if name and (name in self.limited or name == capped)]

    def at(self, level: str) -> Limited:
        return self.limited.get(level) or Limited(Limits())

    def cap(self, payer: str, level: str, kind: LimitKind) -> int | None:
        terms = self.books[payer].terms
        plan = {LimitKind.MINUTE: terms.minute_limit, LimitKind.DAY: terms.day_limit} if level == payer else {}
        caps = [cap for cap in (getattr(self.at(level).limits, kind), plan.get(kind)) if cap is not None]
        return min(caps, default=None)

    def binds(self, payer: str, level: str, kind: LimitKind) -> bool:
        return kind is not LimitKind.BUDGET or ":" in level or len(level) >= len(payer)

    def turned(self, payer: str, levels: list[str]) -> None:
        """Begin the windows that run now."""
        books = self.books[payer]
        now = self.clock(books)
        for level in levels:
            for kind, window in self.limited[level].spent.items():
                if kind is LimitKind.BUDGET:
                    over = self.binds(payer, level, kind) and books.period.start > window.start
                    start = books.period.start
                else:
                    start = now - now % LENGTHS[kind]
                    over = start != window.start
                if over:
                    window.start, window.amount = start, 0

    def reached(self, payer: str, levels: list[str], amount: int) -> Reached | None:
        """The first limit that an amount would pass."""
        for level in levels:
            for kind in WINDOWS:
                window, cap = self.seen(payer, level, kind), self.cap(payer, level, kind)
                if amount and cap is not None and window.amount + amount > cap and self.binds(payer, level, kind):
                    end = self.books[payer].period.end if kind is LimitKind.BUDGET else window.start + LENGTHS[kind]
                    return Reached(
                        level=KEY_LEVEL if ":" in level else level,
                        kind=kind,
                        limit=Credits(cap),
                        spent=Credits(window.amount),
                        until=None if amount > cap else end,
                    )
        return None

    def seen(self, payer: str, level: str, kind: LimitKind) -> Spent:
        """A window as it is now, whatever is written of it."""
        books, window = self.books[payer], self.at(level).spent[kind]
        if kind is LimitKind.BUDGET:
            fresh = books.period.start > window.start and self.binds(payer, level, kind)
            return Spent(books.period.start) if fresh else window
        now = self.clock(books)
        start = now - now % LENGTHS[kind]
        return window if window.start == start else Spent(start)

    def within_budgets(self, payer: str, levels: list[str], amount: int) -> int:
        for level in levels:
            cap = self.at(level).limits.budget
            if cap is not None and self.binds(payer, level, LimitKind.BUDGET):
                amount = max(0, min(amount, cap - self.seen(payer, level, LimitKind.BUDGET).amount))
        return amount

    def count(self, payer: str, levels: list[str], amount: int) -> Counted | None:
        for level in levels:
            self.limited.setdefault(level, Limited(Limits()))
        self.turned(payer, levels)
        for level in levels:
            for kind, window in self.limited[level].spent.items():
                window.amount += amount if self.binds(payer, level, kind) else 0
        books: Books = self.books[payer]
        return Counted(tuple(levels), self.clock(books), books.period.start) if levels else None

    def count_less(self, payer: str, counted: Counted | None, amount: int) -> None:
        """Count less where a call was counted, as far as those windows still run."""
        for level in self.still(counted):
            assert counted is not None
            for kind, window in self.limited[level].spent.items():
                length = LENGTHS.get(kind)
                start = counted.start if length is None else counted.at - counted.at % length
                if start == window.start and self.binds(payer, level, kind):
                    window.amount = max(0, window.amount - amount)

    def still(self, counted: Counted | None) -> list[str]:
        """The levels of a call that have limits still."""
        return [] if counted is None else [level for level in counted.levels if level in self.limited]

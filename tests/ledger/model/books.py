"""What the model keeps of an account, and the few ways in which credits move in it."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from meter.credits import LIMIT, Credits
from meter.ledger.holding import OnExpiry
from meter.ledger.promise import Balance, Grant, Status
from meter.policy.plans import BurnBy
from meter.pricing.terms import Period, Terms

if TYPE_CHECKING:
    from tests.ledger.model.limiting import Counted

HOUR = 3600
DAY = 24 * HOUR

CHARGING = ("charge", "settle", "late", "expire_hold", "post")
"""The kinds of entries that charge an operation, where their amount is more than nothing."""

Taken = list[tuple[str, int]]
"""What each grant gave, in the order in which it was burnt."""


@dataclass
class Lot:
    id: str
    left: int
    created: int
    priority: int
    expires: int | None
    cost: int
    scope: frozenset[str]

    def rank(self, by: BurnBy) -> float:
        match by:
            case BurnBy.SCOPE:
                return not self.scope
            case BurnBy.PRIORITY:
                return self.priority
            case BurnBy.EXPIRY:
                return math.inf if self.expires is None else self.expires
            case BurnBy.COST:
                return self.cost
            case BurnBy.CREATED:
                return self.created

    def pays_for(self, operation: str | None) -> bool:
        return operation is None or not self.scope or operation in self.scope


@dataclass
class Operation:
    """What became of a call: charged at once, or held and then closed."""

    account: str
    amount: int
    """Charged; or held, as long as it is open."""
    operation: str
    receipt: Balance
    start: int
    """Of the period in which it was charged."""
    taken: Taken
    overage: int
    state: str = "charged"
    back: int = 0
    until: int = 0
    on_expiry: OnExpiry = OnExpiry.RELEASE
    at_least: int = 0
    owner: str = ""
    """Of a lease: the process that spends it."""
    seq: int = 0
    """Of what was posted from a lease last."""
    path: str = ""
    """The member that called."""
    counted: "Counted | None" = None


@dataclass
class Books:
    terms: Terms
    period: Period
    revision: int = 1
    status: Status = Status.ACTIVE
    seen: int = 0
    lots: list[Lot] = field(default_factory=list)
    facts: dict[str, tuple[Lot, Grant | None]] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    used: Counter = field(default_factory=Counter)
    period_granted: int = 0
    overage: int = 0
    granted: int = 0
    spent: int = 0
    expired: int = 0
    taken_back: int = 0
    rollable: int = 0
    """What was left of included credits when they expired, and may live on in the next period."""
    served: Counter = field(default_factory=Counter)
    """How many calls were charged late, by their count."""
    after: int = 0
    told: set[tuple[str, str]] = field(default_factory=set)
    """What was told of it, each by its epoch and name."""

    def burn_list(self) -> list[Lot]:
        """The lots, in the order in which they are burnt."""
        order = [BurnBy(name) for name in self.terms.burn.split()] if self.terms.burn else list(BurnBy)
        return sorted(self.lots, key=lambda lot: (*(lot.rank(by) for by in order), lot.id.encode()))

    def includes(self, lot: Lot) -> bool:
        """Whether a lot holds included credits of the period that runs."""
        return lot.id.split(":")[:2] == ["period", str(self.period.start)]


class Bookkeeping:
    """All accounts, all operations, all entries; how they are read, and how credits move."""

    def __init__(self) -> None:
        self.now = 0
        self.books: dict[str, Books] = {}
        self.operations: dict[str, Operation] = {}
        self.labels: dict[tuple[str, str], tuple] = {}
        self.marks: Counter = Counter()
        self.undone: Counter = Counter()
        self.entries: list[dict] = []

    # Reading.

    def clock(self, books: Books) -> int:
        return books.seen if 0 < books.seen - self.now < 5 else self.now

    def live(self, books: Books) -> list[Lot]:
        now = self.clock(books)
        return [lot for lot in books.burn_list() if lot.expires is None or lot.expires > now]

    def unwritten(self, books: Books) -> int:
        return sum(lot.left for lot in books.lots) - sum(lot.left for lot in self.live(books))

    def granted(self, books: Books) -> int:
        return books.period_granted - self.unwritten(books)

    def room(self, books: Books) -> int:
        return max(0, min(books.terms.overage_limit - books.overage, LIMIT - self.granted(books)))

    def drawable(self, books: Books, operation: str | None = None) -> int:
        held = sum(lot.left for lot in self.live(books) if lot.pays_for(operation))
        return min(LIMIT, held + self.room(books))

    def balance(self, books: Books, operation: str | None = None) -> Balance:
        return Balance(
            remaining=Credits(self.drawable(books, operation)),
            granted=Credits(self.granted(books)),
            reset_at=books.period.end,
        )

    def plain_until(self, books: Books) -> int:
        """The second from which on a charge must look at the lots; 0 where it must always."""
        ends = [books.period.end, *(lot.expires for lot in books.lots)]
        if books.status is Status.SUSPENDED or not books.lots or any(lot.scope for lot in books.lots):
            return 0
        return min(LIMIT if end is None else end for end in ends)

    def open_holds(self, names: Iterable[str]) -> dict[str, Operation]:
        """The holds that are open, by operation id, of these accounts."""
        wanted = set(names)
        return {op: one for op, one in self.operations.items() if one.state == "held" and one.account in wanted}

    def held(self, name: str) -> int:
        return sum(one.amount for one in self.open_holds([name]).values())

    def is_late(self, op: str, now: int) -> bool:
        birth = int(op[:8], 16)
        return now - birth > 600 or birth - now > 60

    # Writing.

    def sweep(self, name: str) -> None:
        """Write down what has expired by now."""
        books = self.books[name]
        now = self.clock(books)
        live = self.live(books)
        for lot in books.burn_list():
            if lot not in live:
                books.expired += lot.left
                ended = books.period.end is None or (lot.expires or 0) <= books.period.end
                books.rollable += lot.left if ended and books.includes(lot) else 0
                books.period_granted -= lot.left
                self.enter(name, "expire", f"expire:{lot.id}", -lot.left, grant=lot.id, amount=lot.left)
        books.lots = live
        books.seen = now

    def enter(self, name: str, kind: str, op: str, delta: int, **said: object) -> None:
        books = self.books[name]
        books.after += delta
        entry = {"kind": kind, "account": name, "op": op, "delta": delta, "after": books.after}
        self.entries.append(entry | {"at": self.clock(books), "period": books.period.start} | said)

    def put(self, books: Books, lot: Lot, amount: int) -> None:
        for known in books.lots:
            if known.id == lot.id:
                known.left += amount
                return
        books.lots.append(replace(lot, left=amount))

    def draw(self, books: Books, operation: str, owed: int) -> tuple[Taken, int]:
        """Burn so much, and what the lots can't give is overage."""
        taken = []
        for lot in self.live(books):
            part = min(owed, lot.left) if lot.pays_for(operation) else 0
            if part:
                lot.left -= part
                owed -= part
                taken.append((lot.id, part))
        books.lots = [lot for lot in books.lots if lot.left]
        books.overage += owed
        books.granted += owed
        books.period_granted += owed
        return taken, owed

    def send_home(self, books: Books, charge: Operation, amount: int) -> tuple[Taken, int]:
        """Send back what was burnt last, but for what went back before: where it went, and what had been overage."""
        skip, owed, to, overage = charge.back, amount, [], 0
        for grant, burnt in [("", charge.overage), *reversed(charge.taken)]:
            skipped = min(skip, burnt)
            back = min(owed, burnt - skipped)
            skip, owed = skip - skipped, owed - back
            if back and not grant:
                overage += back
            elif back:
                lot = self.home(books, grant)
                self.put(books, lot, back)
                to.append((lot.id, back))
        books.granted -= overage
        return to, overage

    def home(self, books: Books, grant: str) -> Lot:
        """The lot that credits of a grant go back to: its own, or an adjustment where that has ended."""
        lot = books.facts[grant][0]
        now = self.clock(books)
        if grant not in books.revoked and (lot.expires is None or lot.expires > now):
            return lot
        expires = math.ceil((now + DAY) / HOUR) * HOUR
        name = f"adjustment:{expires}" + (f":{grant}" if lot.scope else "")
        made = Lot(name, 0, now, 0, expires, 0, lot.scope)
        return books.facts.setdefault(name, (made, None))[0]

    def forget(self, op: str) -> None:
        self.operations.pop(op, None)
        self.labels = {key: what for key, what in self.labels.items() if key[1] != op}


def root(name: str) -> str:
    return name.partition("/")[0]

"""The ledger once more, in plain Python and as plainly as possible: what the scripts are checked against.

No store, no text, no speed: sorted lists, whole numbers, one clock that is given. Whoever changes a rule of the ledger
changes it here too, from its description and not from the script.
"""

import math
from collections import Counter
from dataclasses import dataclass, field, replace

from meter.credits import LIMIT, Credits
from meter.ledger.promise import Balance, Done, Grant, Refused, Short, Status, Undone, Word
from meter.pricing.terms import Period, Terms

HOUR = 3600
DAY = 24 * HOUR


@dataclass
class Lot:
    id: str
    left: int
    created: int
    priority: int
    expires: int | None
    cost: int
    scope: frozenset[str]

    def burn_order(self) -> tuple:
        expires = math.inf if self.expires is None else self.expires
        return (not self.scope, self.priority, expires, self.cost, self.created, self.id.encode())

    def pays_for(self, operation: str | None) -> bool:
        return operation is None or not self.scope or operation in self.scope


@dataclass
class Operation:
    """What became of a charge."""

    account: str
    amount: int
    operation: str
    receipt: Balance
    start: int
    taken: list[tuple[str, int]]
    overage: int
    state: str = "charged"
    back: int = 0


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
    after: int = 0


def root(name: str) -> str:
    return name.partition("/")[0]


class Model:
    """All accounts, all operations, all entries."""

    def __init__(self) -> None:
        self.now = 0
        self.books: dict[str, Books] = {}
        self.operations: dict[str, Operation] = {}
        self.labels: dict[tuple[str, str], tuple] = {}
        self.marks: Counter = Counter()
        self.undone: set[str] = set()
        self.entries: list[dict] = []

    # Reading.

    def clock(self, books: Books) -> int:
        return books.seen if 0 < books.seen - self.now < 5 else self.now

    def live(self, books: Books) -> list[Lot]:
        now = self.clock(books)
        return sorted((lot for lot in books.lots if lot.expires is None or lot.expires > now), key=Lot.burn_order)

    def unwritten(self, books: Books) -> int:
        return sum(lot.left for lot in books.lots) - sum(lot.left for lot in self.live(books))

    def granted(self, books: Books) -> int:
        return books.period_granted - self.unwritten(books)

    def room(self, books: Books) -> int:
        return max(0, min(books.terms.overage_limit - books.overage, LIMIT - self.granted(books)))

    def balance(self, books: Books, operation: str | None = None) -> Balance:
        drawable = sum(lot.left for lot in self.live(books) if lot.pays_for(operation)) + self.room(books)
        return Balance(
            remaining=Credits(min(LIMIT, drawable)),
            granted=Credits(self.granted(books)),
            reset_at=books.period.end,
        )

    def plain_until(self, books: Books) -> int:
        """The second from which on a charge must look at the lots; 0 where it must always."""
        ends = [books.period.end, *(lot.expires for lot in books.lots)]
        if books.status is Status.SUSPENDED or not books.lots or any(lot.scope for lot in books.lots):
            return 0
        return min(LIMIT if end is None else end for end in ends)

    # Writing.

    def sweep(self, name: str) -> None:
        books = self.books[name]
        now = self.clock(books)
        live = self.live(books)
        for lot in sorted(books.lots, key=Lot.burn_order):
            if lot not in live:
                books.expired += lot.left
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

    # Steps.

    def open(self, name: str, terms: Terms, period: Period) -> Word:
        if name in self.books:
            return Word.REPEAT
        self.books[name] = Books(terms=terms, period=period, seen=self.now)
        self.begin(name, "open", f"open:{name}", terms.included)
        return Word.DONE

    def begin(self, name: str, kind: str, op: str, included: int, **said: object) -> None:
        books = self.books[name]
        books.overage = 0
        held = sum(lot.left for lot in books.lots)
        amount = min(included, LIMIT - held)
        books.period_granted = held + amount
        books.granted += amount
        grant = f"period:{books.period.start}"
        lot = Lot(grant, amount, self.clock(books), 10, books.period.end, 0, frozenset())
        if amount:
            books.facts[grant] = (lot, None)
            self.put(books, lot, amount)
        self.enter(name, kind, op, amount, grant=grant, amount=amount, **said)

    def charge(  # noqa: PLR0911 - one line a rule, in the order in which they are asked
        self, name: str, op: str, amount: int, operation: str, revision: int, *, observe: bool = False
    ) -> Done | Short | Refused | Word:
        books = self.books.get(name)
        now = self.clock(books) if books else self.now
        if op in self.operations:
            return self.charged_before(self.operations[op], op, (name, amount, operation), now)
        if self.is_late(op, now):
            return Refused(word=Word.LATE)
        if books is None:
            return Refused(word=Word.UNKNOWN)
        if books.status is Status.SUSPENDED:
            return Refused(word=Word.SUSPENDED)
        if books.period.end is not None and books.period.end <= now:
            return Word.LAPSED
        if revision != books.revision:
            return Word.STALE
        balance = self.balance(books, operation)
        if not observe and amount > balance.remaining:
            return Short(required=Credits(amount), balance=balance)
        return self.take(name, op, amount, operation, observe=observe)

    def charged_before(self, known: Operation, op: str, asked: tuple[str, int, str], now: int) -> Done | Refused:
        if known.state in ("voided", "refunded"):
            return Refused(word=Word.VOIDED)
        if (known.account, known.amount, known.operation) != asked:
            return Refused(word=Word.CONFLICT)
        return Done(op=op, balance=known.receipt, now=now, repeat=True)

    def take(self, name: str, op: str, amount: int, operation: str, *, observe: bool) -> Done:
        books = self.books[name]
        self.sweep(name)
        owed, taken = 0 if observe else amount, []
        for lot in self.live(books):
            draw = min(owed, lot.left) if lot.pays_for(operation) else 0
            if draw:
                lot.left -= draw
                owed -= draw
                taken.append((lot.id, draw))
        books.lots = [lot for lot in books.lots if lot.left]
        books.overage += owed
        books.granted += owed
        books.period_granted += owed
        if not observe:
            books.used[operation] += amount
        drawn = sum(part for _, part in taken)
        said = {"operation": operation, "amount": amount, "taken": taken, "overage": owed}
        self.enter(name, "observed" if observe else "charge", op, -drawn, **said)
        receipt = self.balance(books, operation)
        state = "observed" if observe else "charged"
        self.operations[op] = Operation(name, amount, operation, receipt, books.period.start, taken, owed, state)
        return Done(op=op, balance=receipt, now=self.clock(books))

    def undo(self, name: str, op: str, kind: str) -> Undone:
        books = self.books.get(name)
        if books is None:
            return Undone(word=Word.UNKNOWN)
        known = self.operations.get(op)
        if known is None:
            return self.undo_forgotten(name, op, kind)
        if known.account != name or (known.state == "observed" and kind == "refund"):
            return Undone(word=Word.GONE)
        if known.state == "observed":
            known.state = "voided"
            return Undone(word=Word.DONE)
        if known.state != "charged":
            return self.undone_before(books, known, kind)
        amount = known.amount - known.back
        self.give_back(name, known, kind, op, amount, of=op)
        known.state, known.back = {"refund": "refunded", "void": "voided"}[kind], known.amount
        self.undone.add(op)
        return Undone(word=Word.DONE, amount=Credits(amount), balance=self.balance(books, known.operation))

    def undone_before(self, books: Books, known: Operation, kind: str) -> Undone:
        if kind == "void":
            known.state = "voided"
            return Undone(word=Word.REPEAT)
        return Undone(word=Word.REPEAT, amount=Credits(known.amount), balance=self.balance(books, known.operation))

    def undo_forgotten(self, name: str, op: str, kind: str) -> Undone:
        books = self.books[name]
        if not self.is_late(op, self.clock(books)):
            if kind == "refund":
                return Undone(word=Word.GONE)
            empty = Balance(remaining=Credits(0), granted=Credits(0), reset_at=None)
            self.operations[op] = Operation(name, 0, "-", empty, 0, [], 0, "voided")
            return Undone(word=Word.DONE)
        for number, entry in enumerate(self.entries):
            if (entry["kind"], entry["op"], entry["account"]) == ("charge", op, name):
                return self.refund_entry(name, number, f"{kind}:{op}", None, kind)
        return Undone(word=Word.GONE)

    def refund_entry(self, name: str, number: int, op: str, amount: int | None, kind: str = "refund") -> Undone:
        books, entry = self.books[name], self.entries[number]
        charge = Operation(
            name, entry["amount"], entry["operation"], self.balance(books), entry["period"], entry["taken"],
            entry["overage"],
        )  # fmt: skip
        if (root(name), op) in self.labels:
            wanted, given = self.labels[root(name), op]
            if wanted != (name, number, amount):
                return Undone(word=Word.CONFLICT)
            return self.answer(books, Word.REPEAT, given, charge)
        known = self.operations.get(entry["op"])
        back = max(self.marks[number], known.back if known else 0)
        left = 0 if entry["op"] in self.undone else charge.amount - back
        given = left if amount is None else min(left, amount)
        if given == 0:
            return self.answer(books, Word.REPEAT, 0, charge)
        charge.back = back
        self.give_back(name, charge, kind, op, given, of=entry["op"], entry=number)
        self.marks[number] = back + given
        if known:
            known.back = back + given
            known.state = "refunded" if known.back == known.amount else known.state
        self.labels[root(name), op] = ((name, number, amount), given)
        return self.answer(books, Word.DONE, given, charge)

    def answer(self, books: Books, word: Word, amount: int, charge: Operation) -> Undone:
        return Undone(word=word, amount=Credits(amount), balance=self.balance(books, charge.operation))

    def give_back(self, name: str, charge: Operation, kind: str, op: str, amount: int, **said: object) -> None:
        books = self.books[name]
        self.sweep(name)
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
        if charge.start == books.period.start:
            books.used[charge.operation] -= amount
            books.overage -= overage
            books.period_granted -= overage
        else:
            books.spent -= amount
            books.period_granted += amount - overage
        facts = {"operation": charge.operation, "amount": amount, "to": to, "overage": overage}
        self.enter(name, kind, op, amount - overage, **facts, **said)

    def home(self, books: Books, grant: str) -> Lot:
        lot = books.facts[grant][0]
        now = self.clock(books)
        if grant not in books.revoked and (lot.expires is None or lot.expires > now):
            return lot
        expires = math.ceil((now + DAY) / HOUR) * HOUR
        name = f"adjustment:{expires}" + (f":{grant}" if lot.scope else "")
        made = Lot(name, 0, now, 0, expires, 0, lot.scope)
        return books.facts.setdefault(name, (made, None))[0]

    def grant(self, name: str, grant: Grant) -> tuple[Word, Balance | None]:
        books = self.books.get(name)
        if books is None:
            return Word.UNKNOWN, None
        now = self.clock(books)
        if grant.id in books.facts:
            same = books.facts[grant.id][1] == grant
            return (Word.REPEAT, self.balance(books)) if same else (Word.CONFLICT, None)
        if grant.expires_at is not None and grant.expires_at <= now:
            return Word.LATE, None
        if len(self.live(books)) >= 64 or self.granted(books) + grant.amount > LIMIT:
            return Word.CAPPED, None
        self.sweep(name)
        lot = Lot(grant.id, grant.amount, now, grant.priority, grant.expires_at, grant.cost_basis, grant.scope)
        books.facts[grant.id] = (lot, grant)
        if grant.amount:
            self.put(books, lot, grant.amount)
        books.granted += grant.amount
        books.period_granted += grant.amount
        self.enter(name, "grant", grant.id, grant.amount, grant=grant.id, amount=grant.amount)
        return Word.DONE, self.balance(books)

    def revoke(self, name: str, grant: str, op: str) -> Undone:
        books = self.books.get(name)
        if books is None:
            return Undone(word=Word.UNKNOWN)
        if grant not in books.facts:
            return Undone(word=Word.GONE)
        if grant in books.revoked:
            return Undone(word=Word.REPEAT, balance=self.balance(books))
        self.sweep(name)
        amount = sum(lot.left for lot in books.lots if lot.id == grant)
        books.lots = [lot for lot in books.lots if lot.id != grant]
        books.revoked.add(grant)
        books.taken_back += amount
        books.period_granted -= amount
        self.enter(name, "revoke", op, -amount, grant=grant, amount=amount)
        return Undone(word=Word.DONE, amount=Credits(amount), balance=self.balance(books))

    def set_status(self, name: str, status: Status, op: str) -> Word:
        return self.labelled(name, op, ("status", name, status), status=status)

    def set_terms(self, name: str, terms: Terms, op: str, end: int | None) -> Word:
        word = self.labelled(name, op, ("terms", name))
        if word is Word.DONE:
            books = self.books[name]
            books.terms = terms
            books.revision += 1
            if books.period.end is None:
                books.period = Period(start=books.period.start, end=end)
        return word

    def labelled(self, name: str, op: str, what: tuple, status: Status | None = None) -> Word:
        books = self.books.get(name)
        if books is None:
            return Word.UNKNOWN
        if (root(name), op) in self.labels:
            return Word.REPEAT if self.labels[root(name), op] == what else Word.CONFLICT
        self.sweep(name)
        books.status = status or books.status
        self.enter(name, what[0], op, 0)
        self.labels[root(name), op] = what
        return Word.DONE

    def renew(self, name: str, old: Period, new: Period) -> Word:
        books = self.books[name]
        over = books.period.end is not None and books.period.end <= self.clock(books)
        if books.period.start != old.start or not over or new.start <= old.start:
            return Word.REPEAT
        self.sweep(name)
        spent = sum(books.used.values())
        books.spent += spent
        books.used.clear()
        books.period = new
        self.begin(name, "renew", f"renew:{new.start}", books.terms.included, spent=spent)
        return Word.DONE

    def is_late(self, op: str, now: int) -> bool:
        birth = int(op[:8], 16)
        return now - birth > 600 or birth - now > 60

    def forget(self, op: str) -> None:
        self.operations.pop(op, None)
        self.labels = {key: what for key, what in self.labels.items() if key[1] != op}

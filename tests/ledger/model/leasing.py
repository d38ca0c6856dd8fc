"""Leases in the model, and calls that come into the books afterwards."""

from meter.credits import Credits
from meter.ledger.holding import Closed, OnExpiry
from meter.ledger.leasing import Leased, Posting
from meter.ledger.promise import Status, Word
from tests.ledger.model.books import Operation, Taken
from tests.ledger.model.limiting import Counted, whose
from tests.ledger.model.undoing import Undoing

SHARE = 20


class Leasing(Undoing):
    """A lease is a hold of one process, from which calls are charged in order."""

    def lease(  # noqa: PLR0911 - one line a rule, in the order in which they are asked
        self, name: str, op: str, most: int, owner: str, seconds: int
    ) -> Leased:
        books, known = self.books.get(name), self.operations.get(op)
        if books is None:
            return Leased(word=Word.UNKNOWN)
        now = self.clock(books)
        if known is not None and known.state == "held" and (known.account, known.owner) == (name, owner):
            return self.leased(Word.REPEAT, known)
        if known is not None:
            return Leased(word=Word.CONFLICT if known.state == "held" else Word.GONE)
        if self.is_late(op, now):
            return Leased(word=Word.LATE)
        if books.status is Status.SUSPENDED:
            return Leased(word=Word.SUSPENDED)
        if books.period.end is not None and books.period.end <= now:
            return Leased(word=Word.LAPSED)
        amount = min(most, sum(lot.left for lot in self.live(books) if not lot.scope) // SHARE)
        if not amount:
            return Leased(word=Word.SHORT)
        self.sweep(name)
        taken, overage = self.draw(books, "of no scope", amount)
        said = {"amount": amount, "taken": taken, "overage": overage, "until": now + seconds, "owner": owner}
        self.enter(name, "lease", op, -amount, **said)
        self.operations[op] = Operation(
            *(name, amount, "lease", self.balance(books), books.period.start, taken, 0, "held", 0),
            *(now + seconds, OnExpiry.CHARGE, amount, owner),
        )
        return self.leased(Word.DONE, self.operations[op])

    def post(self, posting: Posting) -> Leased:
        books, lease = self.books.get(posting.account), self.operations.get(posting.fund)
        if books is None:
            return Leased(word=Word.UNKNOWN)
        if lease is None or lease.state != "held" or lease.account != posting.account or not lease.owner:
            return Leased(word=Word.GONE)
        if posting.seq != lease.seq + 1:
            return self.leased(Word.REPEAT if posting.seq <= lease.seq else Word.STALE, lease, posting.operation)
        if posting.amount > lease.amount:
            return Leased(word=Word.CONFLICT)
        self.sweep(posting.account)
        paid, lease.taken = divided(lease.taken, posting.amount)
        lease.amount, lease.seq = lease.amount - posting.amount, posting.seq
        books.used[posting.operation] += posting.amount
        said = {"operation": posting.operation, "amount": posting.amount, "taken": paid, "overage": 0}
        counted = self.count(posting.account, self.levels_of(posting.account), posting.amount)
        said |= whose("", counted)
        self.enter(posting.account, "post", posting.op, 0, **said, lease=posting.fund, seq=posting.seq)
        self.operations.setdefault(posting.op, self.charged_at(posting, posting.amount, paid, 0, counted))
        return self.leased(Word.DONE, lease, posting.operation)

    def charge_late(self, posting: Posting, *, counted: bool) -> Closed | Word:
        books, name = self.books.get(posting.account), posting.account
        if books is None:
            return Closed(word=Word.UNKNOWN)
        nothing = Credits(0), self.balance(books, posting.operation)
        if counted and posting.seq != books.served[posting.fund] + 1:
            word = Word.REPEAT if posting.seq <= books.served[posting.fund] else Word.STALE
            return Closed(word=word, amount=nothing[0], balance=nothing[1])
        if posting.op in self.operations:
            books.served[posting.fund] += counted
            return Closed(word=Word.REPEAT, amount=nothing[0], balance=nothing[1])
        if books.period.end is not None and books.period.end <= self.clock(books):
            return Word.LAPSED
        books.served[posting.fund] += counted
        levels = self.levels_of(name)
        amount = self.within_budgets(name, levels, min(posting.amount, self.drawable(books, posting.operation)))
        self.sweep(name)
        taken, overage = self.draw(books, posting.operation, amount)
        books.used[posting.operation] += amount
        asked = {"asked": posting.amount} if amount < posting.amount else {}
        said = {"operation": posting.operation, "amount": amount, "taken": taken, "overage": overage}
        counted = self.count(name, levels, amount)
        self.enter(name, "late", posting.op, overage - amount, **said, **asked, **whose("", counted))
        known = self.operations[posting.op] = self.charged_at(posting, amount, taken, overage, counted)
        return self.closed(Word.DONE, known, amount)

    def charged_at(
        self, posting: Posting, amount: int, taken: Taken, overage: int, counted: Counted | None
    ) -> Operation:
        books = self.books[posting.account]
        receipt = self.balance(books, posting.operation)
        facts = (posting.account, amount, posting.operation, receipt, books.period.start, taken, overage)
        return Operation(*facts, counted=counted)

    def leased(self, word: Word, lease: Operation, operation: str | None = None) -> Leased:
        balance = self.balance(self.books[lease.account], operation)
        return Leased(word=word, held=Credits(lease.amount), balance=balance)


def divided(taken: Taken, amount: int) -> tuple[Taken, Taken]:
    """What was burnt first pays first: what paid, and what is left."""
    paid, left = [], []
    for grant, burnt in taken:
        part = min(amount, burnt)
        amount -= part
        paid += [(grant, part)] if part else []
        left += [(grant, burnt - part)] if burnt > part else []
    return paid, left

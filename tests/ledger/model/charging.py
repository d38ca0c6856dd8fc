"""Orders in the model: why one is not taken, and a charge at once."""

from meter.credits import Credits
from meter.ledger.limits import KEY_LEVEL
from meter.ledger.promise import Capped, Done, Order, Refused, Short, Status, Word
from tests.ledger.model.books import Operation
from tests.ledger.model.limiting import Limiting, whose


class Charging(Limiting):
    """Charges at a fixed price."""

    def charge(self, order: Order) -> Done | Short | Capped | Refused | Word:
        name, op, operation = order.account.id, order.op, order.operation
        if op in self.operations:
            return self.known_before(order, ("charged", "observed"))
        owed = 0 if order.observe else order.amount
        refused = self.refusal(order, owed)
        if refused is not None:
            return refused
        books = self.books[name]
        self.sweep(name)
        taken, overage = self.draw(books, operation, owed)
        books.used[operation] += owed
        said = {"operation": operation, "amount": order.amount, "taken": taken, "overage": overage}
        path = order.member.id if order.member else ""
        counted = None if order.observe else self.count(name, self.levels_called(order), owed)
        said |= whose(path, counted)
        self.enter(name, "observed" if order.observe else "charge", op, overage - owed, **said)
        receipt = self.balance(books, operation)
        self.operations[op] = Operation(
            *(name, order.amount, operation, receipt, books.period.start, taken, overage),
            state="observed" if order.observe else "charged",
            path=path,
            counted=counted,
        )
        return Done(op=op, balance=receipt, now=self.clock(books))

    def levels_called(self, order: Order) -> list[str]:
        path = order.member.id if order.member else order.account.id
        terms, payer = order.account.terms, order.account.id
        capped = payer if (terms.minute_limit, terms.day_limit) != (None, None) else None
        return self.levels_of(path, order.key_hash and f"{KEY_LEVEL}:{order.key_hash}", capped)

    def known_before(self, order: Order, states: tuple[str, ...]) -> Done | Refused:
        """An order whose id is known: the same again, if it is still in one of these states."""
        known = self.operations[order.op]
        if known.state in ("voided", "refunded"):
            return Refused(word=Word.VOIDED)
        asked = (order.account.id, order.amount, order.operation)
        if (known.account, known.amount, known.operation) != asked or known.state not in states:
            return Refused(word=Word.CONFLICT)
        now = self.clock(self.books[known.account])
        return Done(op=order.op, balance=known.receipt, now=now, repeat=True)

    def refusal(  # noqa: PLR0911 - one line a rule, in the order in which they are asked
        self, order: Order, owed: int
    ) -> Short | Capped | Refused | Word | None:
        books = self.books.get(order.account.id)
        now = self.clock(books) if books else self.now
        if self.is_late(order.op, now):
            return Refused(word=Word.LATE)
        member = order.member and self.books[order.member.id]
        if books is None or (member and order.member and member.revision != order.member.revision):
            return Refused(word=Word.UNKNOWN)
        if Status.SUSPENDED in (books.status, member and member.status):
            return Refused(word=Word.SUSPENDED)
        if books.period.end is not None and books.period.end <= now:
            return Word.LAPSED
        if order.account.revision != books.revision:
            return Word.STALE
        if owed > self.drawable(books, order.operation):
            return Short(required=Credits(owed), balance=self.balance(books, order.operation))
        reached = self.reached(order.account.id, self.levels_called(order), owed)
        if reached is not None:
            balance = self.balance(books, order.operation)
            return Capped(required=Credits(owed), reached=reached, balance=balance, now=now)
        return None

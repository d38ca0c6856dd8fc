"""Holds in the model: credits set aside for a call, until it is closed; once."""

from meter.credits import Credits
from meter.ledger.holding import Closed, Extended, HoldTerms, OnExpiry
from meter.ledger.limits import LimitKind, Reached
from meter.ledger.promise import Capped, Done, Order, Refused, Short, Status, Word
from tests.ledger.model.books import Operation, Taken
from tests.ledger.model.charging import Charging
from tests.ledger.model.limiting import whose


class Holding(Charging):
    """A hold is money out of its grants, and still the account's; what is left over goes back to them."""

    def hold(self, order: Order, terms: HoldTerms) -> Done | Short | Capped | Refused | Word:
        name, op, operation, amount = order.account.id, order.op, order.operation, order.amount
        if op in self.operations:
            return self.known_before(order, ("held",))
        refused = self.refusal(order, amount)
        if refused is not None:
            return refused
        books = self.books[name]
        most, calls = books.terms.concurrent, self.holding(name)
        if most is not None and calls >= most:
            reached = Reached(level=name, kind=LimitKind.CONCURRENT, limit=most, spent=calls, until=None)
            balance = self.balance(books, operation)
            return Capped(required=amount, reached=reached, balance=balance, now=self.clock(books))
        self.sweep(name)
        until = self.clock(books) + terms.seconds
        taken, overage = self.draw(books, operation, amount)
        said = {"operation": operation, "amount": amount, "taken": taken, "overage": overage, "until": until}
        path = order.member.id if order.member else ""
        counted = self.count(name, self.levels_called(order), amount)
        self.enter(name, "hold", op, overage - amount, **said, **whose(path, counted))
        receipt = self.balance(books, operation)
        self.operations[op] = Operation(
            *(name, amount, operation, receipt, books.period.start, taken, overage, "held", 0),
            *(until, terms.on_expiry, terms.at_least),
            path=path,
            counted=counted,
        )
        return Done(op=op, balance=receipt, now=self.clock(books))

    def holding(self, name: str) -> int:
        """How many calls of an account are held for."""
        return sum(not one.owner for one in self.open_holds([name]).values())

    def extend(self, name: str, op: str, amount: int, at_least: int, seconds: int) -> Extended:
        books = self.books.get(name)
        if books is None:
            return Extended(word=Word.UNKNOWN)
        known = self.operations.get(op)
        if known is None or known.state != "held" or known.account != name:
            return Extended(word=Word.GONE)
        wanted = max(0, amount - known.amount)
        more = 0 if books.status is Status.SUSPENDED else min(wanted, self.drawable(books, known.operation))
        more = self.within_budgets(name, self.still(known.counted), more)
        known.until = self.clock(books) + seconds
        if more:
            self.hold_more(op, known, more)
        known.at_least = min(max(known.at_least, at_least), known.amount)
        balance = self.balance(books, known.operation)
        return Extended(
            word=Word.SHORT if wanted and not more else Word.DONE, held=Credits(known.amount), balance=balance
        )

    def hold_more(self, op: str, known: Operation, more: int) -> None:
        books = self.books[known.account]
        self.sweep(known.account)
        taken, overage = self.draw(books, known.operation, more)
        known.amount += more
        known.taken = together(known.taken, taken)
        known.overage += overage
        said = {"operation": known.operation, "amount": more, "taken": taken, "overage": overage, "until": known.until}
        counted = self.count(known.account, self.still(known.counted), more)
        self.enter(known.account, "extend", op, overage - more, **said, **whose(known.path, counted))

    def settle(self, name: str, op: str, price: int, *, overrun: bool) -> Closed:
        books = self.books.get(name)
        if books is None:
            return Closed(word=Word.UNKNOWN)
        known = self.operations.get(op)
        if known is None or known.account != name or known.state not in ("held", "settled", "expired"):
            return Closed(word=Word.GONE)
        if known.state == "settled":
            return self.closed(Word.REPEAT, known, known.amount)
        if known.state == "expired":
            return self.settle_late(op, known, price)
        above = max(0, price - known.amount)
        extra = min(above, self.drawable(books, known.operation)) if overrun else 0
        levels = self.still(known.counted)
        self.turned(name, levels)
        extra = self.within_budgets(name, levels, extra)
        asked = {"asked": price} if extra < above else {}
        return self.close(op, known, "settle", min(price, known.amount), extra, **asked)

    def settle_late(self, op: str, known: Operation, price: int) -> Closed:
        """The sweeper has given all back already: charge anew what can be had."""
        books = self.books[known.account]
        levels = self.still(known.counted)
        amount = self.within_budgets(known.account, levels, min(price, self.drawable(books, known.operation)))
        self.sweep(known.account)
        known.taken, known.overage = self.draw(books, known.operation, amount)
        known.amount, known.start, known.state = amount, books.period.start, "settled"
        books.used[known.operation] += amount
        said = {"operation": known.operation, "amount": amount, "taken": known.taken, "overage": known.overage}
        asked = {"asked": price} if amount < price else {}
        known.counted = self.count(known.account, levels, amount)
        self.enter(
            known.account, "late", op, known.overage - amount, **said, **asked, **whose(known.path, known.counted)
        )
        return self.closed(Word.DONE, known, amount)

    def release(self, name: str, op: str) -> Closed:
        if name not in self.books:
            return Closed(word=Word.UNKNOWN)
        known = self.operations.get(op)
        if known is None or known.account != name:
            return Closed(word=Word.GONE)
        if known.state in ("released", "expired", "voided"):
            return self.closed(Word.REPEAT, known, 0)
        if known.state != "held":
            return Closed(word=Word.GONE)
        self.let_go(op, known, "released")
        return self.closed(Word.DONE, known, 0)

    def let_go(self, op: str, known: Operation, state: str) -> None:
        """Give all of a hold back."""
        self.close(op, known, "release", 0)
        known.state = state

    def expire_hold(self, name: str, op: str) -> Closed:
        books = self.books.get(name)
        if books is None:
            return Closed(word=Word.UNKNOWN)
        known = self.operations.get(op)
        if known is None or known.account != name:
            return Closed(word=Word.GONE)
        if known.state != "held":
            charged = known.amount - known.back if known.state in ("charged", "settled", "refunded") else 0
            return self.closed(Word.REPEAT, known, charged)
        if self.clock(books) < known.until:
            return Closed(word=Word.GONE)
        if known.on_expiry is OnExpiry.CHARGE:
            return self.close(op, known, "expire_hold", min(known.at_least, known.amount), by="charge")
        closed = self.close(op, known, "expire_hold", 0, by="release")
        known.state = "expired"
        return closed

    def close(self, op: str, known: Operation, kind: str, price: int, extra: int = 0, **said: object) -> Closed:
        """Charge a price of at most what is held, and what was asked beyond that as far as it can be drawn."""
        books = self.books[known.account]
        self.sweep(known.account)
        held = known.amount
        to, back = self.unhold(known, price)
        self.count_less(known.account, known.counted, held - price)
        if extra:
            self.count(known.account, self.still(known.counted), extra)
        taken, overage = self.draw(books, known.operation, extra)
        known.amount = price + extra
        known.taken = together(known.taken, taken)
        known.overage += overage
        known.state = "settled"
        books.used[known.operation] += known.amount
        paid = {"operation": known.operation, "amount": known.amount, "taken": known.taken, "overage": known.overage}
        more = {"held": held, "to": to, "back": back} | ({"extra": extra, "drawn": taken} if extra else {})
        more |= whose(known.path, known.counted)
        self.enter(known.account, kind, op, held - price - back - extra + overage, **paid, **more, **said)
        return self.closed(Word.DONE, known, known.amount)

    def unhold(self, known: Operation, price: int) -> tuple[Taken, int]:
        """Give back what a hold has beyond a price: where it went, and how much had been overage.

        A hold is counted in the period that runs, whichever it was made in.
        """
        books = self.books[known.account]
        owed = known.amount - price
        to, overage = self.send_home(books, known, owed)
        books.overage -= overage
        books.period_granted -= overage
        known.start = books.period.start
        known.overage -= overage
        known.taken = unburnt(known.taken, owed - overage)
        return to, overage

    def closed(self, word: Word, known: Operation, amount: int) -> Closed:
        balance = self.balance(self.books[known.account], known.operation)
        return Closed(word=word, amount=Credits(amount), balance=balance)


def together(first: Taken, then: Taken) -> Taken:
    """What was taken in two goes; a grant that went on paying stands once."""
    if first and then and first[-1][0] == then[0][0]:
        return [*first[:-1], (first[-1][0], first[-1][1] + then[0][1]), *then[1:]]
    return [*first, *then]


def unburnt(taken: Taken, back: int) -> Taken:
    """What is left of what was taken when the last so much of it went back."""
    left = list(taken)
    while back:
        grant, amount = left.pop()
        if amount > back:
            left.append((grant, amount - back))
        back -= min(amount, back)
    return left

"""Refunds and voids in the model, by an operation's record or by its entry."""

from meter.credits import Credits
from meter.ledger.promise import Balance, Undone, Word
from tests.ledger.model.books import CHARGING, Books, Operation, root
from tests.ledger.model.holding import Holding
from tests.ledger.model.limiting import Counted, whose

NOTHING = Balance(remaining=Credits(0), granted=Credits(0), reset_at=None)


class Undoing(Holding):
    """What was charged goes back; once, and never more than was taken."""

    def undo(self, name: str, op: str, kind: str, keep: int = 0) -> Undone:
        books = self.books.get(name)
        if books is None:
            return Undone(word=Word.UNKNOWN)
        known = self.operations.get(op)
        if known is None:
            return self.undo_forgotten(name, op, kind, keep)
        if known.account != name:
            return Undone(word=Word.GONE)
        if known.state in ("charged", "settled"):
            return self.give_back(op, known, kind, keep)
        return self.void_uncharged(op, known) if kind == "void" else self.refund_uncharged(known)

    def give_back(self, op: str, known: Operation, kind: str, keep: int) -> Undone:
        books = self.books[known.account]
        amount = max(0, known.amount - known.back - keep)
        self.pay_back(known.account, known, kind, op, amount, of=op)
        known.state = {"refund": "refunded", "void": "voided"}[kind]
        known.back += amount
        self.undone[op] = known.back
        return self.answer(books, Word.DONE, amount, known)

    def void_uncharged(self, op: str, known: Operation) -> Undone:
        if known.state == "held":
            amount = known.amount
            self.let_go(op, known, "voided")
            return self.answer(self.books[known.account], Word.DONE, amount, known)
        observed = known.state == "observed"
        known.state = "voided"
        return Undone(word=Word.DONE if observed else Word.REPEAT)

    def refund_uncharged(self, known: Operation) -> Undone:
        if known.state not in ("refunded", "voided"):
            return Undone(word=Word.GONE)
        return self.answer(self.books[known.account], Word.REPEAT, known.back, known)

    def undo_forgotten(self, name: str, op: str, kind: str, keep: int) -> Undone:
        if not self.is_late(op, self.clock(self.books[name])):
            if kind == "refund":
                return Undone(word=Word.GONE)
            self.operations[op] = Operation(name, 0, "-", NOTHING, 0, [], 0, "voided")
            return Undone(word=Word.DONE)
        for number, entry in enumerate(self.entries):
            if (entry["op"], entry["account"]) == (op, name) and is_charge(entry):
                return self.refund_entry(name, number, f"{kind}:{op}", None, kind=kind, keep=keep)
        return Undone(word=Word.GONE)

    def refund_entry(
        self, name: str, number: int, op: str, amount: int | None, *, kind: str = "refund", keep: int = 0
    ) -> Undone:
        books, entry = self.books[name], self.entries[number]
        if not is_charge(entry):
            return Undone(word=Word.GONE)
        charge = Operation(
            *(name, entry["amount"], entry["operation"], NOTHING, entry["period"], entry["taken"], entry["overage"]),
            path=entry.get("path", ""),
            counted=Counted.read(entry["limits"]) if "limits" in entry else None,
        )
        if (root(name), op) in self.labels:
            wanted, given = self.labels[root(name), op]
            if wanted != (name, number, amount):
                return Undone(word=Word.CONFLICT)
            return self.answer(books, Word.REPEAT, given, charge)
        known = self.operations.get(entry["op"])
        charge.back = max(self.marks[number], self.undone[entry["op"]], known.back if known else 0)
        left = charge.amount - charge.back
        given = max(0, left - keep) if amount is None else min(left, amount)
        if given == 0:
            return self.answer(books, Word.REPEAT, 0, charge)
        self.pay_back(name, charge, kind, op, given, of=entry["op"], entry=number)
        self.marks[number] = charge.back + given
        if known:
            known.back = charge.back + given
            known.state = "refunded" if known.back == known.amount else known.state
        self.labels[root(name), op] = ((name, number, amount), given)
        return self.answer(books, Word.DONE, given, charge)

    def pay_back(self, name: str, charge: Operation, kind: str, op: str, amount: int, **said: object) -> None:
        books = self.books[name]
        self.sweep(name)
        to, overage = self.send_home(books, charge, amount)
        if charge.start == books.period.start:
            books.used[charge.operation] -= amount
            books.overage -= overage
            books.period_granted -= overage
        else:
            books.spent -= amount
            books.period_granted += amount - overage
        self.count_less(name, charge.counted, amount)
        facts = {"operation": charge.operation, "amount": amount, "to": to, "overage": overage}
        facts |= whose(charge.path, charge.counted)
        self.enter(name, kind, op, amount - overage, **facts, **said)

    def answer(self, books: Books, word: Word, amount: int, charge: Operation) -> Undone:
        return Undone(word=word, amount=Credits(amount), balance=self.balance(books, charge.operation))


def is_charge(entry: dict) -> bool:
    return entry["kind"] in CHARGING and entry["amount"] > 0

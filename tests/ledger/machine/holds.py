"""Holds: made, changed, and closed in every way; in any order, and each step again."""

from dataclasses import replace
from itertools import chain

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from meter.credits import Credits
from meter.ledger.holding import Closed, HoldTerms, OnExpiry
from meter.ledger.limits import Limits
from meter.ledger.names import shard_of
from meter.ledger.promise import Grant, GrantKind, Order, Status, Word
from tests.ledger.machine.entries import EntrySteps
from tests.ledger.machine.steps import MEMBER, OPERATIONS, accounts, amounts
from tests.ledger.model import CHARGING, DAY

lives = st.sampled_from((0, 60, 700, DAY, 40 * DAY))
holding = st.builds(HoldTerms, on_expiry=st.sampled_from(OnExpiry), seconds=lives, at_least=amounts)
grants = st.builds(
    Grant,
    id=st.just("for a call"),
    kind=st.just(GrantKind.PROMO),
    amount=st.sampled_from((30, 90)).map(Credits),
    scope=st.sampled_from((frozenset(), frozenset({"chat"}))),
)
during = st.sampled_from(
    ("extend", "hold_again", "expire", "outlive_a_period", "revoke_what_pays", "pay_beside", "give")
)
ends = st.sampled_from(("settle", "settle", "release", "outlive", "void"))
after = st.sampled_from(
    ("settle", "release", "expire", "extend", "refund", "refund_a_part", "void", "outlive_a_period")
)
lists = [st.lists(step, max_size=2) for step in (during, ends, after)]


class HoldSteps(EntrySteps):
    """A call is held for, and closed."""

    @rule(name=accounts, amount=amounts, operation=st.sampled_from(OPERATIONS), terms=holding)
    def hold(self, name: str, amount: Credits, operation: str, terms: HoldTerms) -> None:
        order = self.ordered(name, amount, operation)
        if order is not None:
            self.held.append((order, replace(terms, at_least=min(terms.at_least, amount))))
            self.set_aside(*self.held[-1])

    @rule(amount=amounts, terms=holding)
    def hold_for_the_member(self, amount: Credits, terms: HoldTerms) -> None:
        order = self.ordered_by_the_member(amount, "chat", knows=True)
        if order is not None:
            self.held.append((order, replace(terms, at_least=min(terms.at_least, amount))))
            self.set_aside(*self.held[-1])

    @rule(name=accounts, over=st.sampled_from((0, 1)), terms=holding)
    def hold_all_that_is_left(self, name: str, over: int, terms: HoldTerms) -> None:
        if name in self.model.books:
            left = self.model.balance(self.model.books[name], "chat").remaining
            self.hold(name, Credits(left + over), "chat", terms)

    def set_aside(self, order: Order, terms: HoldTerms) -> None:
        expected = self.model.hold(order, terms)
        self.compare(order.account.id, self.wait(self.ledger.hold(order, terms)), expected)

    @rule(
        name=st.sampled_from(("acme", MEMBER)),
        budget=st.sampled_from((None, 40, 120)),
        minute=st.sampled_from((None, 60)),
    )
    def limit(self, name: str, budget: int | None, minute: int | None) -> None:
        op, caps = self.label("limit"), [None if cap is None else Credits(cap) for cap in (budget, minute)]
        limits = Limits(budget=caps[0], minute=caps[1])
        assert self.wait(self.ledger.set_limits(name, limits, op=op)) == self.model.set_limits(name, limits, op)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), step=st.one_of(during, ends, after))
    def something_happens(self, data: st.DataObject, step: str) -> None:
        known = [(order.account.id, order.op) for order, _ in self.held]
        still = sorted((hold.account, op) for op, hold in self.open_holds().items() if not hold.owner)
        getattr(self, step)(*data.draw(st.sampled_from(still or known)), data)

    @rule(
        name=accounts,
        amount=amounts,
        terms=holding,
        steps=st.builds(lambda *parts: list(chain(*parts)), *lists),
        data=st.data(),
    )
    def a_call(self, name: str, amount: Credits, terms: HoldTerms, steps: list[str], data: st.DataObject) -> None:
        """A call from its beginning to its end, and beyond: with an account that can pay."""
        if name not in self.hints:
            return
        self.get_ready(name, data)
        self.hold(name, amount, "chat", terms)
        for step in steps:
            getattr(self, step)(name, self.held[-1][0].op, data)
            self.read_on()

    def get_ready(self, name: str, data: st.DataObject) -> None:
        """Learn the terms of an account, see that it may spend, and give it a grant for the call."""
        self.hints[name] = self.wait(self.ledger.find_account(name))
        self.renew(name)
        if self.model.books[name].status is Status.SUSPENDED:
            self.change_status(name, Status.ACTIVE, self.label("status"))
        if data.draw(st.booleans()):
            self.give(name, "", data)

    def give(self, name: str, op: str, data: st.DataObject) -> None:
        ends = data.draw(st.sampled_from((None, 50, DAY)))
        expires = None if ends is None else self.line.now + ends
        grant = replace(data.draw(grants), id=self.label("g"), expires_at=expires)
        assert self.wait(self.ledger.grant(name, grant)) == self.model.grant(name, grant)

    # What may happen to a hold.

    def extend(self, name: str, op: str, data: st.DataObject) -> None:
        amount, least, seconds = data.draw(amounts), data.draw(st.sampled_from((0, 5, 60))), data.draw(lives)
        amount = Credits(amount + (self.holds_now(op) if data.draw(st.booleans()) else 0))
        extended = self.wait(self.ledger.extend(name, op, amount=amount, at_least=Credits(least), seconds=seconds))
        assert extended == self.model.extend(name, op, amount, least, seconds)

    def holds_now(self, op: str) -> int:
        return self.open_holds()[op].amount if op in self.open_holds() else 0

    def hold_again(self, name: str, op: str, data: st.DataObject) -> None:
        order, terms = next((order, terms) for order, terms in self.held if order.op == op)
        amount = data.draw(st.sampled_from((order.amount, order.amount, Credits(13))))
        order = replace(order, account=self.hints[name], amount=amount)
        self.set_aside(order, replace(terms, at_least=Credits(0)))

    def settle(self, name: str, op: str, data: st.DataObject) -> None:
        above = data.draw(st.sampled_from((-1000, -30, -1, 0, 1, 30, 1000)))
        price, overrun = Credits(max(0, self.holds_now(op) + above)), data.draw(st.booleans())
        closed = self.wait(self.ledger.settle(name, op, price=price, quote="{}", overrun=overrun))
        assert closed == self.model.settle(name, op, price, overrun=overrun)
        self.written(op, closed)

    def release(self, name: str, op: str, data: st.DataObject) -> None:
        closed = self.wait(self.ledger.release(name, op, reason="503"))
        assert closed == self.model.release(name, op)
        self.written(op, closed)

    def expire(self, name: str, op: str, data: st.DataObject | None = None) -> None:
        closed = self.wait(self.ledger.expire_hold(name, op))
        assert closed == self.model.expire_hold(name, op)
        self.written(op, closed)

    def outlive(self, name: str, op: str, data: st.DataObject) -> None:
        late = data.draw(st.sampled_from((-1, 0, 0, 1000)))
        if op in self.open_holds():
            self.set_clock(max(self.line.now, self.open_holds()[op].until + late))
        self.expire(name, op)

    def revoke_what_pays(self, name: str, op: str, data: st.DataObject) -> None:
        hold = self.open_holds().get(op)
        grant = hold.taken[-1][0] if hold and hold.taken else "nothing"
        revoke = self.label("revoke")
        assert self.wait(self.ledger.revoke(name, grant, op=revoke)) == self.model.revoke(name, grant, revoke)

    def pay_beside(self, name: str, op: str, data: st.DataObject) -> None:
        order = self.ordered(name, data.draw(amounts), "chat")
        assert order is not None
        self.compare(name, self.wait(self.ledger.charge(order)), self.model.charge(order))

    def outlive_a_period(self, name: str, op: str, data: st.DataObject) -> None:
        self.begin_the_next_period(name)

    def refund_a_part(self, name: str, op: str, data: st.DataObject) -> None:
        charged = [n for n, entry in enumerate(self.model.entries) if entry["op"] == op and entry["kind"] in CHARGING]
        for number in charged:
            self.refund_part(number, self.label("refunds"), data.draw(st.sampled_from((1, 40, None))))

    def void(self, name: str, op: str, data: st.DataObject) -> None:
        self.undo_call(name, op, "void")

    def refund(self, name: str, op: str, data: st.DataObject) -> None:
        self.undo_call(name, op, "refund", keep=data.draw(st.sampled_from((0, 13))))

    @rule(name=accounts)
    def sweep(self, name: str) -> None:
        for hold in self.wait(self.ledger.holds(shard_of(name), overdue=True, count=100)):
            self.expire(hold.account, hold.op)

    def written(self, op: str, closed: Closed) -> None:
        """From a close on, the record of a hold has an end."""
        if closed.word is Word.DONE:
            self.born[op] = self.line.now

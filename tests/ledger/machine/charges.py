"""Charges at a fixed price, and all that undoes a call."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from meter.credits import Credits
from meter.ledger.promise import Grant, GrantKind, Order
from tests.ledger.machine.steps import OPERATIONS, Steps, accounts, amounts
from tests.ledger.model import CHARGING


class ChargeSteps(Steps):
    """A call is charged, again, and given back."""

    @rule(name=accounts, amount=amounts, operation=st.sampled_from(OPERATIONS))
    def charge(self, name: str, amount: Credits, operation: str) -> None:
        self.place(name, amount, operation, observe=False)

    @rule(operation=st.sampled_from(OPERATIONS))
    def charge_the_same_account(self, operation: str) -> None:
        self.place("acme", Credits(100), operation, observe=False)

    @rule(name=accounts, over=st.sampled_from((0, 1)))
    def charge_all_that_is_left(self, name: str, over: int) -> None:
        if name in self.model.books:
            left = self.model.balance(self.model.books[name], "chat").remaining
            self.place(name, Credits(left + over), "chat", observe=False)

    @rule(name=accounts, observe=st.booleans())
    def charge_when_a_grant_has_expired(self, name: str, observe: bool) -> None:
        self.count += 1
        expires = self.line.now + 100
        short_lived = Grant(id=f"g{self.count}", kind=GrantKind.PROMO, amount=Credits(30), expires_at=expires)
        assert self.wait(self.ledger.grant(name, short_lived)) == self.model.grant(name, short_lived)
        self.set_clock(expires)
        self.place(name, Credits(1), "users.list", observe=observe)

    @precondition(lambda self: any(entry["kind"] in CHARGING for entry in self.model.entries))
    @rule(data=st.data())
    def refund_what_came_from_a_revoked_grant(self, data: st.DataObject) -> None:
        charges = [entry for entry in self.model.entries if entry["kind"] in CHARGING and entry["taken"]]
        if not charges:
            return
        charge = data.draw(st.sampled_from(charges[-5:]))
        name, op, revoke = charge["account"], charge["op"], self.label("revoke")
        grant = charge["taken"][0][0]
        assert self.wait(self.ledger.revoke(name, grant, op=revoke)) == self.model.revoke(name, grant, revoke)
        self.remember(f"refund:{op}")
        assert self.wait(self.ledger.refund(name, op, reason="503")) == self.model.undo(name, op, "refund")

    @rule(name=accounts, amount=amounts)
    def observe(self, name: str, amount: Credits) -> None:
        self.place(name, amount, "chat", observe=True)

    @rule(amount=amounts, operation=st.sampled_from(OPERATIONS), knows=st.booleans())
    def a_member_is_charged(self, amount: Credits, operation: str, knows: bool) -> None:
        order = self.ordered_by_the_member(amount, operation, knows=knows)
        if order is not None:
            self.pay(order)

    def place(self, name: str, amount: Credits, operation: str, *, observe: bool) -> None:
        order = self.ordered(name, amount, operation, observe=observe)
        if order is not None:
            self.pay(order)

    @precondition(lambda self: self.ops)
    @rule(data=st.data(), amount=st.sampled_from((None, 13)))
    def charge_again(self, data: st.DataObject, amount: int | None) -> None:
        _, order = data.draw(st.sampled_from(self.ops))
        order = replace(order, account=self.hints[order.account.id], amount=Credits(amount or order.amount))
        self.pay(order)

    def pay(self, order: Order) -> None:
        name = order.account.id
        expected = self.model.charge(order)
        self.compare(name, self.wait(self.ledger.charge(order)), expected)

    @precondition(lambda self: self.ops)
    @rule(data=st.data(), void=st.booleans(), keep=st.sampled_from((0, 0, 13)))
    def undo(self, data: st.DataObject, void: bool, keep: int) -> None:
        _, order = data.draw(st.sampled_from(self.ops))
        self.undo_call(order.account.id, order.op, "void" if void else "refund", keep=0 if void else keep)

    @rule(name=accounts, void=st.booleans())
    def undo_what_never_came(self, name: str, void: bool) -> None:
        self.count += 1
        op = f"{self.line.now:08x}-{self.count}"
        if void and name in self.hints:
            order = Order(op=op, account=self.hints[name], amount=Credits(5), operation="chat", quote="{}")
            self.ops.append((order.account, order))
            self.born[op] = self.line.now
        undone = self.wait(self.ledger.void(name, op) if void else self.ledger.refund(name, op, reason="none"))
        assert undone == self.model.undo(name, op, "void" if void else "refund")

    @precondition(lambda self: any(entry["kind"] in CHARGING for entry in self.model.entries))
    @rule(data=st.data(), amount=st.sampled_from((None, 1, 40, 1000)), again=st.booleans())
    def refund_entry(self, data: st.DataObject, amount: int | None, again: bool) -> None:
        charges = [number for number, entry in enumerate(self.model.entries) if entry["kind"] in CHARGING]
        number = data.draw(st.sampled_from(charges))
        if not again:
            self.count += 1
        self.refund_part(number, f"refunds:{self.count}", amount)

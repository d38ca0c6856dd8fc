"""The scripts and the model, given the same steps: every word, balance, lot and entry must be the same."""

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import redis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from meter.credits import Credits
from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.names import account_key, op_key, shard_of
from meter.ledger.promise import Account, Grant, GrantKind, Order, Stale, Status, Word
from meter.policy.model import PeriodUnit
from meter.pricing.calendar import period_containing
from meter.pricing.terms import Terms
from tests.conftest import STEP_SECONDS
from tests.ledger.drill import DrilledLine
from tests.ledger.model import DAY, Lot, Model

START = 1_795_000_000
ACCOUNTS = ("acme", "acme/team", "globex")
OPERATIONS = ("users.list", "image.analyse", "chat")
PLAIN = ("left", "others", "first", "plain_until", "beyond", "receipt")
SCOPES = (frozenset(), frozenset({"chat"}), frozenset({"chat", "users.list"}))

accounts = st.sampled_from(("acme", "acme", "acme", "acme/team", "globex"))
amounts = st.sampled_from((0, 1, 7, 50, 100, 130)).map(Credits)
terms = st.builds(
    Terms,
    plan=st.sampled_from(("free", "pro")),
    included=st.sampled_from((0, 100, 250)).map(Credits),
    period=st.sampled_from((PeriodUnit.MONTH, PeriodUnit.WEEK, PeriodUnit.NONE)),
    overage_limit=st.sampled_from((0, 60)).map(Credits),
)


class LedgerMachine(RuleBasedStateMachine):
    """Steps, taken by both."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = contextlib.AsyncExitStack()
        self.model = Model()
        self.ops: list[tuple[Account, Order]] = []
        self.hints: dict[str, Account] = {}
        self.born: dict[str, int] = {}
        self.count = 0
        self.stream_ids: list[tuple[str, str]] = []
        self.read: dict[int, str] = {}
        self.url = url
        self.ledger = self.wait(self.open())

    async def open(self) -> RedisLedger:
        line = await self.stack.enter_async_context(open_line(self.url))
        self.line = DrilledLine(line, START)
        self.model.now = self.line.now
        return await RedisLedger.open(self.line, step_seconds=STEP_SECONDS)

    def wait(self, awaitable: Any) -> Any:
        async def waited() -> Any:
            return await awaitable

        return self.runner.run(waited())

    def teardown(self) -> None:
        self.wait(self.stack.aclose())
        self.runner.close()

    def label(self, what: str) -> str:
        self.count += 1
        return f"{what}:{self.count}"

    @initialize(terms=terms)
    def somebody_is_there(self, terms: Terms) -> None:
        self.open_account("acme", replace(terms, included=Credits(250)))
        self.open_account("acme/team", terms)

    # The clock.

    @rule(seconds=st.sampled_from((1, 59, 700, 1000, 3600, DAY, 9 * DAY, 40 * DAY)))
    def time_passes(self, seconds: int) -> None:
        self.set_clock(self.line.now + seconds)

    @rule(name=accounts)
    def its_period_ends(self, name: str) -> None:
        books = self.model.books.get(name)
        if books is not None and books.period.end is not None and books.period.end > self.line.now:
            self.set_clock(books.period.end)
            self.renew(name)

    @rule(seconds=st.sampled_from((1, 4, 5, 30)))
    def the_clock_jumps_back(self, seconds: int) -> None:
        self.set_clock(self.line.now - seconds)

    def set_clock(self, now: int) -> None:
        self.line.now = self.model.now = now
        for op in [op for op, born in self.born.items() if now - born > 900]:
            del self.born[op]
            self.model.forget(op)
            for name in ACCOUNTS:
                self.forget(op_key(shard_of(name), op))

    def forget(self, key: str) -> None:
        with store_client(self.url) as client:
            client.delete(key)

    # Steps.

    @rule(name=accounts, terms=terms)
    def open_account(self, name: str, terms: Terms) -> None:
        self.tell_the_time(name)
        period = period_containing(terms, self.ledger.now())
        word, account = self.wait(self.ledger.open_account(name, terms, op=f"open:{name}"))
        assert word == self.model.open(name, terms, period)
        self.hints[name] = account

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

    @precondition(lambda self: any(entry["kind"] == "charge" for entry in self.model.entries))
    @rule(data=st.data())
    def refund_what_came_from_a_revoked_grant(self, data: st.DataObject) -> None:
        charges = [entry for entry in self.model.entries if entry["kind"] == "charge" and entry["taken"]]
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

    def place(self, name: str, amount: Credits, operation: str, *, observe: bool) -> None:
        self.count += 1
        op = f"{self.line.now:08x}-{self.count}"
        account = self.hints.get(name)
        if account is None:
            return
        order = Order(op=op, account=account, amount=amount, operation=operation, quote="{}", observe=observe)
        self.ops.append((account, order))
        self.born[op] = self.line.now
        self.pay(order)

    @precondition(lambda self: self.ops)
    @rule(data=st.data(), amount=st.sampled_from((None, 13)))
    def charge_again(self, data: st.DataObject, amount: int | None) -> None:
        _, order = data.draw(st.sampled_from(self.ops))
        order = replace(order, account=self.hints[order.account.id], amount=Credits(amount or order.amount))
        self.pay(order)

    def pay(self, order: Order) -> None:
        name = order.account.id
        expected = self.model.charge(
            name, order.op, order.amount, order.operation, order.account.revision, observe=order.observe
        )
        match self.wait(self.ledger.charge(order)):
            case Stale(account=account, lapsed=lapsed):
                assert expected == (Word.LAPSED if lapsed else Word.STALE)
                self.hints[name] = account
                if lapsed:
                    self.renew(name)
            case outcome:
                assert outcome == expected

    @rule(name=accounts)
    def renew(self, name: str) -> None:
        if name not in self.model.books:
            return
        account = self.hints[name]
        now = self.model.clock(self.model.books[name])
        terms = self.model.books[name].terms
        period = period_containing(terms, now)
        account = replace(account, terms=terms)
        renewed = self.wait(self.ledger.renew(account, period, op=f"renew:{period.start}"))
        self.model.renew(name, account.period, period)
        assert renewed.period == self.model.books[name].period
        self.hints[name] = renewed

    @precondition(lambda self: self.ops)
    @rule(data=st.data(), void=st.booleans())
    def undo(self, data: st.DataObject, void: bool) -> None:
        _, order = data.draw(st.sampled_from(self.ops))
        name, op = order.account.id, order.op
        self.remember(f"{'void' if void else 'refund'}:{op}")
        self.tell_the_time(name)
        if void:
            assert self.wait(self.ledger.void(name, op)) == self.model.undo(name, op, "void")
        else:
            assert self.wait(self.ledger.refund(name, op, reason="503")) == self.model.undo(name, op, "refund")

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

    @precondition(lambda self: any(entry["kind"] == "charge" for entry in self.model.entries))
    @rule(data=st.data(), amount=st.sampled_from((None, 1, 40, 1000)), again=st.booleans())
    def refund_entry(self, data: st.DataObject, amount: int | None, again: bool) -> None:
        charges = [number for number, entry in enumerate(self.model.entries) if entry["kind"] == "charge"]
        number = data.draw(st.sampled_from(charges))
        entry = self.model.entries[number]
        name = entry["account"]
        if not again:
            self.count += 1
        op = f"refunds:{self.count}"
        self.remember(op)
        self.tell_the_time(name)
        if entry["at"] < self.ledger.now() - 90 * DAY:
            return
        part = None if amount is None else Credits(amount)
        undone = self.wait(self.ledger.refund_entry(self.read[number], account=name, op=op, reason="x", amount=part))
        assert undone == self.model.refund_entry(name, number, op, amount)

    @rule(
        name=accounts,
        grant=st.builds(
            Grant,
            id=st.sampled_from(("a", "B", "c.1", "d-2", "e:3")),
            kind=st.sampled_from((GrantKind.PROMO, GrantKind.PURCHASED)),
            amount=st.sampled_from((0, 10, 90)).map(Credits),
            priority=st.sampled_from((5, 10, 50)),
            scope=st.sampled_from(SCOPES),
            cost_basis=st.sampled_from((0, 3)).map(Credits),
        ),
        lives=st.sampled_from((None, -1, 100, DAY, 60 * DAY)),
    )
    def grant(self, name: str, grant: Grant, lives: int | None) -> None:
        if lives is not None:
            grant = replace(grant, expires_at=self.line.now + lives)
        assert self.wait(self.ledger.grant(name, grant)) == self.model.grant(name, grant)

    @rule(name=accounts, data=st.data())
    def revoke(self, name: str, data: st.DataObject) -> None:
        known = sorted(self.model.books[name].facts) if name in self.model.books else []
        grant = data.draw(st.sampled_from((*known, "nothing")))
        op = self.label("revoke")
        assert self.wait(self.ledger.revoke(name, grant, op=op)) == self.model.revoke(name, grant, op)

    @rule(name=accounts, status=st.sampled_from((*[Status.ACTIVE] * 7, Status.SUSPENDED)), again=st.booleans())
    def set_status(self, name: str, status: Status, again: bool) -> None:
        if not again:
            self.count += 1
        op = f"status:{self.count}"
        self.remember(op)
        assert self.wait(self.ledger.set_status(name, status, op=op)) == self.model.set_status(name, status, op)

    @rule(name=accounts, terms=terms)
    def set_terms(self, name: str, terms: Terms) -> None:
        op = self.label("terms")
        self.remember(op)
        self.tell_the_time(name)
        end = period_containing(terms, self.ledger.now()).end
        assert self.wait(self.ledger.set_terms(name, terms, op=op)) == self.model.set_terms(name, terms, op, end)

    def remember(self, op: str) -> None:
        self.born.setdefault(op, self.line.now)

    def tell_the_time(self, name: str) -> None:
        """Let the engine hear of the drilled clock, as it does by every reply."""
        self.wait(self.ledger.find_account(name))

    # What must hold after each step.

    @invariant()
    def every_change_wrote_its_entry(self) -> None:
        fresh = self.fresh_entries()
        expected = self.model.entries[len(self.read) :]

        assert [shape(entry) for _, entry in fresh] == [told(entry, self.read) for entry in expected]
        for number, (stream_id, _) in enumerate(fresh, len(self.read)):
            self.read[number] = stream_id

    def fresh_entries(self) -> list[tuple[str, dict]]:
        """New entries of all shards; a step writes to one shard only."""
        last = {shard_of(self.model.entries[number]["account"]): at for number, at in self.read.items()}
        found = []
        for shard in sorted({shard_of(name) for name in ACCOUNTS}):
            page = self.wait(self.ledger.entries(shard, last.get(shard, ""), 1000))
            found += [(stream_id, json.loads(text)) for stream_id, text in page]
        return found

    @invariant()
    def every_account_stands_where_the_model_says(self) -> None:
        for name in ACCOUNTS:
            statement = self.wait(self.ledger.statement(name))
            books = self.model.books.get(name)
            assert (statement is None) == (books is None)
            if statement is None or books is None:
                continue
            assert statement.account.period == books.period
            assert (statement.account.terms, statement.account.revision) == (books.terms, books.revision)
            assert statement.status == books.status
            assert [(grant.grant.id, grant.remaining) for grant in statement.grants] == [
                (lot.id, lot.left) for lot in self.model.live(books)
            ]
            assert (statement.granted, statement.overage) == (self.model.granted(books), books.overage)
            assert statement.used == {what: amount for what, amount in books.used.items() if amount}
            assert dict(statement.lifetime) == {
                "granted": books.granted,
                "spent": books.spent + sum(books.used.values()),
                "expired": books.expired + self.model.unwritten(books),
                "revoked": books.taken_back,
                "held": 0,
            }

    @invariant()
    def what_a_plain_charge_goes_by_is_what_the_burn_list_says(self) -> None:
        for name, books in self.model.books.items():
            lots = sorted(books.lots, key=Lot.burn_order)
            said = [
                *(sum(lot.left for lot in lots), sum(lot.left for lot in lots[1:]), lots[0].id if lots else "-"),
                *(self.model.plain_until(books), max(0, books.terms.overage_limit - books.overage)),
                f" {books.period_granted} {books.period.end or 0}",
            ]
            with store_client(self.url) as client:
                kept = client.hmget(account_key(shard_of(name), name), PLAIN)
            assert [field.decode() for field in kept] == [str(field) for field in said]

    @invariant()
    def nothing_is_lost_and_nothing_is_made(self) -> None:
        for name in self.model.books:
            one = self.wait(self.ledger.statement(name))
            life = one.lifetime
            ends = life["held"] + life["spent"] + life["expired"] + life["revoked"]

            assert life["granted"] == one.remaining + ends
            assert one.granted == one.consumed + one.reserved + one.remaining
            assert one.overage >= 0
            assert one.consumed >= 0

    @invariant()
    def a_balance_is_the_fold_of_its_entries(self) -> None:
        fold = Counter()
        for entry in self.model.entries:
            fold[entry["account"]] += entry["delta"]
            assert entry["after"] == fold[entry["account"]]
        for name, books in self.model.books.items():
            one = self.wait(self.ledger.statement(name))
            assert fold[name] == one.remaining + self.model.unwritten(books)

    @invariant()
    def an_operation_is_charged_once(self) -> None:
        charged = Counter(entry["op"] for entry in self.model.entries if entry["kind"] == "charge")
        assert all(count == 1 for count in charged.values())


def shape(entry: dict) -> dict:
    """An entry of the store, in whole numbers."""
    kept = {name: entry[name] for name in ("kind", "account", "op", "at", "period")}
    kept |= {name: int(entry[name]) for name in ("delta", "after", "amount", "overage", "spent") if name in entry}
    kept |= {name: pairs(entry[name]) for name in ("taken", "to") if name in entry}
    return kept | {name: entry[name] for name in ("grant", "operation", "of", "entry") if name in entry}


def told(entry: dict, read: dict[int, str]) -> dict:
    """An entry of the model, with the ids that the store gave."""
    return entry | ({"entry": read[entry["entry"]]} if "entry" in entry else {})


def pairs(text: str) -> list[tuple[str, int]]:
    return [(grant, int(amount)) for grant, _, amount in (part.partition("=") for part in text.split(",") if part)]


def store_client(url: str) -> Any:
    if url.startswith("memory"):
        import fakeredis

        from meter.ledger.memory import store

        return fakeredis.FakeRedis(server=store(url))
    return redis.Redis.from_url(url)

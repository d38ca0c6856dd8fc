"""What every rule of the machine needs: both ledgers, one clock, and what was asked before."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from meter.credits import Credits
from meter.ledger.engine import RedisLedger
from meter.ledger.holding import HoldTerms
from meter.ledger.line import open_line
from meter.ledger.names import op_key, shard_of
from meter.ledger.promise import Account, ChargeOutcome, Order, Stale, Status, Word
from meter.policy.model import PeriodUnit
from meter.pricing.allotment import included_in, renewal
from meter.pricing.calendar import period_containing
from meter.pricing.plan_terms import following
from meter.pricing.terms import Terms
from tests.conftest import STEP_SECONDS
from tests.ledger.drill import DrilledLine
from tests.ledger.model import DAY, Model

START = 1_795_000_000
MEMBER = "acme/web"
"""An account for which acme pays."""
ACCOUNTS = ("acme", "acme/team", MEMBER, "globex")
MEMBERS = Terms(plan="", included=Credits(0), period=PeriodUnit.NONE, payer="acme")
OPERATIONS = ("users.list", "image.analyse", "chat")

accounts = st.sampled_from(("acme", "acme", "acme", "acme/team", "globex"))
amounts = st.sampled_from((0, 1, 7, 50, 100, 130)).map(Credits)


class Steps(RuleBasedStateMachine):
    """Steps, taken by both."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = contextlib.AsyncExitStack()
        self.model = Model()
        self.ops: list[tuple[Account, Order]] = []
        self.held: list[tuple[Order, HoldTerms]] = []
        self.hints: dict[str, Account] = {}
        self.born: dict[str, int] = {}
        self.count = 0
        self.read: dict[int, str] = {}
        self.url = url
        self.client = store_client(url)
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
        self.client.close()
        self.wait(self.stack.aclose())
        self.runner.close()

    def label(self, what: str) -> str:
        self.count += 1
        return f"{what}:{self.count}"

    def set_clock(self, now: int) -> None:
        self.line.now = self.model.now = now
        for op in [op for op, born in self.born.items() if now - born > 900 and op not in self.open_holds()]:
            del self.born[op]
            self.model.forget(op)
            for name in ACCOUNTS:
                self.forget(op_key(shard_of(name), op))

    def open_holds(self) -> dict:
        return self.model.open_holds(ACCOUNTS)

    def forget(self, key: str) -> None:
        self.client.delete(key)

    def ordered(self, name: str, amount: Credits, operation: str, *, observe: bool = False) -> Order | None:
        """A new order; none where nobody has seen its account."""
        self.count += 1
        op = f"{self.line.now:08x}-{self.count}"
        account = self.hints.get(name)
        if account is None:
            return None
        order = Order(op=op, account=account, amount=amount, operation=operation, quote="{}", observe=observe)
        self.ops.append((account, order))
        self.born[op] = self.line.now
        return order

    def ordered_by_the_member(self, amount: Credits, operation: str, *, knows: bool) -> Order | None:
        """A new order of the member, by its terms as they are or as they were once; none where there is no member."""
        if knows and MEMBER in self.model.books:
            self.hints[MEMBER] = self.wait(self.ledger.find_account(MEMBER))
        order, member = self.ordered("acme", amount, operation), self.hints.get(MEMBER)
        return None if order is None or member is None else replace(order, member=member)

    def compare(self, name: str, outcome: ChargeOutcome, expected: object) -> None:
        match outcome:
            case Stale(account=account, lapsed=lapsed):
                assert expected == (Word.LAPSED if lapsed else Word.STALE)
                self.hints[name] = account
                if lapsed:
                    self.renew(name)
            case outcome:
                assert outcome == expected

    def begin_account(self, name: str, terms: Terms) -> None:
        self.tell_the_time(name)
        period = period_containing(terms, self.ledger.now())
        word, account = self.wait(self.ledger.open_account(name, terms, op=f"open:{name}"))
        trial_ends = None if terms.trial is None else self.ledger.now() + terms.trial.days * DAY
        assert word == self.model.open(name, terms, period, included_in(terms, period), trial_ends)
        self.hints[name] = account

    def renew(self, name: str, *, by_hearsay: bool = False) -> None:
        """Begin the next period, by what the books say of the terms, or by what was heard of them."""
        books = self.model.books.get(name)
        if books is None:
            return
        account = self.hints[name]
        if not by_hearsay:
            account = replace(account, terms=books.terms, revision=books.revision)
        if account.period.end is None:
            return
        step = renewal(account.terms, following(account.terms), account.period, self.model.clock(books))
        renewed = self.wait(self.ledger.renew(account, step, op=f"renew:{step.period.start}"))
        self.model.renew(name, account, step)
        assert (renewed.period, renewed.terms) == (books.period, books.terms)
        self.hints[name] = renewed

    def begin_the_next_period(self, name: str) -> None:
        books = self.model.books.get(name)
        if books is not None and books.period.end is not None and books.period.end > self.line.now:
            self.set_clock(books.period.end)
            self.renew(name)

    def change_status(self, name: str, status: Status, op: str) -> None:
        self.remember(op)
        assert self.wait(self.ledger.set_status(name, status, op=op)) == self.model.set_status(name, status, op)

    def undo_call(self, name: str, op: str, kind: str, *, keep: int = 0) -> None:
        """Undo by the operation's record, or its entry; a void keeps nothing."""
        self.remember(f"{kind}:{op}")
        self.tell_the_time(name)
        if kind == "void":
            undone = self.wait(self.ledger.void(name, op))
        else:
            undone = self.wait(self.ledger.refund(name, op, reason="503", keep=Credits(keep)))
        assert undone == self.model.undo(name, op, kind, keep)

    def refund_part(self, number: int, op: str, amount: int | None) -> None:
        """Give back a part of what the entry of that number charged."""
        entry, name = self.model.entries[number], self.model.entries[number]["account"]
        self.remember(op)
        self.tell_the_time(name)
        if entry["at"] < self.ledger.now() - 90 * DAY:
            return
        part = None if amount is None else Credits(amount)
        undone = self.wait(self.ledger.refund_entry(self.read[number], account=name, op=op, reason="x", amount=part))
        assert undone == self.model.refund_entry(name, number, op, amount)

    def remember(self, op: str) -> None:
        self.born.setdefault(op, self.line.now)

    def tell_the_time(self, name: str) -> None:
        """Let the engine hear of the drilled clock, as it does by every reply."""
        self.wait(self.ledger.find_account(name))


def store_client(url: str) -> Any:
    if url.startswith("memory"):
        import fakeredis

        from meter.ledger.memory import store

        return fakeredis.FakeRedis(server=store(url))
    if "cluster=true" in url:
        return redis.RedisCluster.from_url(url.partition("?")[0])
    return redis.Redis.from_url(url)

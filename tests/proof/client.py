"""One process of clients: it does everything to the books that can be done, much of it twice, and writes down what it
was told. Killed at any moment; another one takes its place.
"""

import argparse
import asyncio
import contextlib
import logging
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from meter.credits import ZERO, Credits
from meter.ledger.engine import RedisLedger
from meter.ledger.history import RECORD_SECONDS
from meter.ledger.holding import HoldTerms, OnExpiry
from meter.ledger.ids import birth, operation_id
from meter.ledger.line import open_line
from meter.ledger.promise import Account, Done, Grant, GrantKind, LedgerUnavailable, Order, Refused, Word
from meter.ledger.sweeping import sweep_on
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms
from tests.proof.journal import Fate, Journal

ACCOUNTS = tuple(f"a{number}" for number in range(32))
TERMS = Terms(plan="proof", included=Credits(500), period=PeriodUnit.NONE, overage_limit=Credits(500))
AMOUNT_MAX = 100
TWICE = 0.2
"""The share of steps that are done twice."""
HOLD_SECONDS = 3
"""So long lives a hold that its client forgets."""
PAUSE_SECONDS = 0.05
TOO_OLD = Refused(word=Word.LATE)
"""What an operation is told that was done before the store's clock jumped ahead."""
QUOTE = (
    '{"operation":"work","policy":"proof","moment":"2026-11-01T00:00:00Z","base":"%d",'
    '"rounding":["half_up","1","1"],"exact":"%d","credits":"%d"}'
)


@dataclass(slots=True)
class Client:
    """One client: an endless row of steps, decided by its seed."""

    ledger: RedisLedger
    journal: Journal
    random: Random
    accounts: dict[str, Account]
    counted: Callable[[], None]
    charged: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=20))

    async def step(self) -> None:
        """Do one thing, or one thing and its end."""
        kinds = {self.charge: 60, self.hold: 25, self.refund: 8, self.grant: 4, self.void: 3}
        (kind,) = self.random.choices(list(kinds), list(kinds.values()))
        try:
            await kind()
        except LedgerUnavailable:
            await asyncio.sleep(PAUSE_SECONDS)

    async def charge(self) -> None:
        """Charge a fixed price."""
        order = self.order()
        outcome = await self.told("charge", order, lambda: self.ledger.charge(order))
        if isinstance(outcome, Done):
            self.charged.append((order.account.id, order.op))

    async def hold(self) -> None:
        """Set credits aside, and end that in one of all ways."""
        order = self.order()
        by = self.random.choice(list(OnExpiry))
        terms = HoldTerms(on_expiry=by, at_least=Credits(order.amount // 2), seconds=HOLD_SECONDS)
        outcome = await self.told("hold", order, lambda: self.ledger.hold(order, terms))
        if isinstance(outcome, Done):
            (end,) = self.random.choices([self.settle, self.release, self.extend, self.forget], [60, 20, 15, 5])
            await end(order)

    async def settle(self, order: Order) -> None:
        """Close a hold at a price, often above it."""
        price, overrun = Credits(self.random.randint(1, order.amount * 3 // 2)), self.random.random() < 0.3
        account, op = order.account.id, order.op
        closed = await self.closed(
            "settle", order, lambda: self.ledger.settle(account, op, price=price, quote=record(price), overrun=overrun)
        )
        if closed.word is Word.DONE:
            self.charged.append((account, op))

    async def release(self, order: Order) -> None:
        """Close a hold at nothing."""
        await self.closed("release", order, lambda: self.ledger.release(order.account.id, order.op, reason="proof"))

    async def extend(self, order: Order) -> None:
        """Hold more, then close it at a price."""
        more = Credits(order.amount + self.random.randint(1, AMOUNT_MAX))
        for _ in range(self.times()):
            await self.ledger.extend(order.account.id, order.op, amount=more, at_least=ZERO, seconds=HOLD_SECONDS)
            self.counted()
        await self.settle(replace(order, amount=more))

    async def forget(self, order: Order) -> None:
        """Leave a hold to the sweep."""

    async def refund(self) -> None:
        """Give a charge back, whole or in part."""
        if not self.charged:
            return
        account, op = self.random.choice(self.charged)
        keep = Credits(self.random.choice([0, 0, 1]))
        self.journal.write(Fate.BEGUN, "refund", account, op)
        for _ in range(self.times()):
            undone = await self.ledger.refund(account, op, reason="proof", keep=keep)
            self.counted()
        if undone.word in (Word.DONE, Word.REPEAT):
            self.journal.write(Fate.DONE, "refund", account, op, undone.amount)

    async def grant(self) -> None:
        """Add credits: seven tenths of what is asked for."""
        account = self.random.choice(ACCOUNTS)
        lot = Grant(
            id=f"g{self.random.getrandbits(60):x}",
            kind=GrantKind.PURCHASED,
            amount=Credits(self.random.randint(1, 1000)),
            priority=self.random.randint(0, 100),
            expires_at=self.ledger.now() + 60 if self.random.random() < 0.2 else None,
        )
        self.journal.write(Fate.BEGUN, "grant", account, lot.id, lot.amount)
        words = set()
        for _ in range(self.times()):
            words.add((await self.ledger.grant(account, lot))[0])
            self.counted()
        fate = Fate.DONE if words & {Word.DONE, Word.REPEAT} else Fate.REFUSED
        self.journal.write(fate, "grant", account, lot.id, lot.amount)

    async def void(self) -> None:
        """Undo an operation whose fate is unknown: here, one that may never have arrived."""
        order = self.order()
        if self.random.random() < 0.5:
            await self.told("charge", order, lambda: self.ledger.charge(order))
        await self.undo(order)
        late = await self.ledger.charge(order)
        self.counted()
        assert not isinstance(late, Done), f"{order.op} was charged after it was undone."

    async def told(self, kind: str, order: Order, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Place an order, perhaps twice, write down what came of it, and undo what nobody knows."""
        account, op = order.account.id, order.op
        self.journal.write(Fate.BEGUN, kind, account, op, order.amount)
        try:
            outcome = await ask()
            self.counted()
        except LedgerUnavailable as error:
            if error.fate_unknown:
                await self.undo(order)
            raise
        fate = Fate.DONE if isinstance(outcome, Done) else Fate.REFUSED
        self.journal.write(fate, kind, account, op, order.amount)
        if isinstance(outcome, Done) and self.times() == 2:
            again = await ask()
            self.counted()
            assert getattr(again, "repeat", again == TOO_OLD), f"{op} was not recognised: {again}."
        return outcome

    async def closed(self, kind: str, order: Order, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Close a hold, perhaps twice, however long that takes, and write down what it was charged."""
        account, op = order.account.id, order.op
        self.journal.write(Fate.BEGUN, kind, account, op)
        closed = await self.until_told(ask)
        if self.times() == 2:
            again = await self.until_told(ask)
            forgotten = again.word is Word.GONE and self.ledger.now() - birth(op) > RECORD_SECONDS
            assert forgotten or again.amount == closed.amount, f"{op} was closed at {closed} and then at {again}."
        if closed.word in (Word.DONE, Word.REPEAT):
            self.journal.write(Fate.DONE, kind, account, op, closed.amount)
        return closed

    async def undo(self, order: Order) -> None:
        """See to it that an order changes nothing, however long that takes."""
        self.journal.write(Fate.BEGUN, "void", order.account.id, order.op)
        await self.until_told(lambda: self.ledger.void(order.account.id, order.op))
        self.journal.write(Fate.DONE, "void", order.account.id, order.op)

    async def until_told(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask until an answer comes, as a worker does from its list of undos."""
        while True:
            try:
                answer = await ask()
            except LedgerUnavailable:
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self.counted()
                return answer

    def order(self) -> Order:
        account = self.accounts[self.random.choice(ACCOUNTS)]
        amount = Credits(self.random.randint(1, AMOUNT_MAX))
        op = operation_id(self.ledger.now())
        return Order(op=op, account=account, amount=amount, operation="work", quote=record(amount))

    def times(self) -> int:
        return 2 if self.random.random() < TWICE else 1


def record(price: int) -> str:
    """The record of a price, which re-rates to it."""
    return QUOTE % (price, price, price)


async def run(url: str, journal: Path, seed: str, clients: int, operations: int) -> None:
    """Let clients work until they have done so many operations together; say how many there are, now and then."""
    done = 0

    def counted() -> None:
        nonlocal done
        done += 1
        if done % 1000 == 0 or done == operations:
            sys.stdout.write(f"{done}\n")
            sys.stdout.flush()

    async with open_line(url) as line:
        ledger = await _opened(line)
        accounts = {name: (await _account(ledger, name)) for name in ACCOUNTS}
        written = Journal(journal)

        async def work(number: int) -> None:
            client = Client(ledger, written, Random(f"{seed} {number}"), accounts, counted)
            while done < operations:
                await client.step()

        sweeping = asyncio.create_task(sweep_on(ledger, lambda _: None))
        try:
            await asyncio.gather(*(work(number) for number in range(clients)))
        finally:
            sweeping.cancel()
            await asyncio.wait([sweeping])


async def _opened(line: Any) -> RedisLedger:
    while True:
        with contextlib.suppress(LedgerUnavailable):
            return await RedisLedger.open(line)
        await asyncio.sleep(PAUSE_SECONDS)


async def _account(ledger: RedisLedger, name: str) -> Account:
    while True:
        with contextlib.suppress(LedgerUnavailable):
            return (await ledger.open_account(name, TERMS, op=f"open:{name}"))[1]
        await asyncio.sleep(PAUSE_SECONDS)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("url")
    options.add_argument("journal", type=Path)
    options.add_argument("seed")
    options.add_argument("clients", type=int)
    options.add_argument("operations", type=int)
    given = options.parse_args()
    logging.disable(logging.CRITICAL)
    asyncio.run(run(given.url, given.journal, given.seed, given.clients, given.operations))


if __name__ == "__main__":
    main()

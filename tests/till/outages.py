"""A worker's till with its reserve, on a store that tests kill, stop and start again."""

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meter.credits import MICRO, Credits, parse
from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.reserve.reserve import Reserve
from meter.ledger.reserve.upkeep import Upkeep
from meter.ledger.tick_line import CONNECTIONS
from meter.ledger.undo import UndoList
from meter.policy.ends import End
from meter.policy.model import Operation, Outage, OutageKind, PeriodUnit, Plan
from meter.pricing.quote import CALM, Pricer
from meter.till import Caller, Charge, Sale, Till, Verdict
from tests.end_to_end.house import Store
from tests.pricing.make import NOON, PLACE, operation

STEP_SECONDS = 0.5
"""A store that is killed is asked so long by each call that had written to it."""

ACME = Caller(account="acme")


def allowance(credits_: str = "50", price: str = "10", **facts: Any) -> Operation:
    outage = Outage(kind=OutageKind.ALLOWANCE, credits=parse(credits_))
    return operation("chat", price, outage=outage, **facts)


def served(credits_: str = "50", price: str = "10", **facts: Any) -> Operation:
    return operation("chat", price, outage=Outage(kind=OutageKind.SERVE, credits=parse(credits_)), **facts)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Worker:
    """One worker; its background does a turn when the test says so."""

    store: Store
    ledger: RedisLedger
    undo: UndoList
    reserve: Reserve
    upkeep: Upkeep
    till: Till
    clock: Clock
    unpaid: list[int] = field(default_factory=list)

    async def call(
        self, of: Operation, caller: Caller = ACME, *, end: End | None = End.SUCCESS, op: str | None = None
    ) -> Charge | Verdict | None:
        """Make a call; None where it is refused for want of the ledger."""
        sale = Sale(operation=of, usage={}, moment=NOON, load=CALM, op=op)
        try:
            opened = await self.till.open(caller, sale, Pricer("v1"))
        except LedgerUnavailable:
            return None
        if isinstance(opened, Charge) and end is not None:
            await opened.close(end)
        return opened

    async def calls(self, of: Operation, count: int) -> list[Charge]:
        """Make calls one after another; those that were served."""
        made = [await self.call(of) for _ in range(count)]
        return [one for one in made if isinstance(one, Charge)]

    async def ready(self, of: Operation, caller: Caller = ACME) -> Charge:
        """Make a first call, and do what it leads to."""
        opened = await self.call(of, caller)
        assert isinstance(opened, Charge)
        await self.upkeep.turn()
        return opened

    async def ledger_back(self) -> None:
        """Wait until the store answers: the connections of before are broken, and each says so once."""
        for _ in range(20):
            try:
                for _ in range(CONNECTIONS * 2):
                    await self.ledger.ping()
            except LedgerUnavailable:
                continue
            return
        raise AssertionError("the store does not answer")

    async def turned(self) -> None:
        """Do all that can be done, once the store answers."""
        await self.ledger_back()
        await self.upkeep.turn()

    async def die(self) -> None:
        """End as a killed process does: nothing is said, and its locks go."""
        await self.reserve.journal.close(done=False)

    def pause_store(self) -> None:
        """Let the store say nothing."""
        assert self.store.process is not None
        os.kill(self.store.process.pid, signal.SIGSTOP)

    def resume_store(self) -> None:
        assert self.store.process is not None
        os.kill(self.store.process.pid, signal.SIGCONT)


@asynccontextmanager
async def worker(
    store: Store,
    folder: Path,
    *,
    included: str = "1010",
    clock: Clock | None = None,
    step_seconds: float = STEP_SECONDS,
) -> AsyncIterator[Worker]:
    """Run a worker whose accounts have so many credits a month."""
    plan = Plan(name="small", included=parse(included), period=PeriodUnit.MONTH, place=PLACE)
    clock = clock or Clock()
    async with open_line(store.url) as line:
        ledger = await RedisLedger.open(line, step_seconds=step_seconds)
        undo = UndoList(folder / "undo")
        reserve = Reserve(folder / "reserve", now=ledger.now, clock=clock)
        unpaid: list[int] = []
        upkeep = Upkeep(ledger, reserve, on_unpaid=unpaid.append)
        till = Till(ledger, undo, opening=lambda _: plan, reserve=reserve)
        try:
            yield Worker(store, ledger, undo, reserve, upkeep, till, clock, unpaid)
        finally:
            await undo.close()


@asynccontextmanager
async def closing(here: Worker) -> AsyncIterator[None]:
    """Stop a worker at the end as it stops by itself."""
    try:
        yield
    finally:
        await here.upkeep.close()


async def figures(ledger: RedisLedger, account: str = "acme") -> tuple[int, int, int]:
    """Whole credits that are consumed, reserved and left, which add up to what was granted."""
    books = await ledger.statement(account)
    assert books is not None
    assert books.granted == books.consumed + books.reserved + books.remaining
    life = dict(books.lifetime)
    assert life.pop("granted") == books.remaining + sum(life.values())
    return tuple(amount // MICRO for amount in (books.consumed, books.reserved, books.remaining))  # type: ignore[return-value]


async def entries(ledger: RedisLedger, *kinds: str, account: str = "acme") -> list[dict[str, Any]]:
    page = await ledger.entries(ledger.shard_of(account), count=10_000)
    return [entry for entry in (json.loads(text) for _, text in page) if not kinds or entry["kind"] in kinds]


def micro(whole: int) -> Credits:
    return Credits(whole * MICRO)

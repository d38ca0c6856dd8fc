"""Customers who call all the time, while somebody kills things: all that is needed to see whether the books stay right.

Everything random comes from one seed: which fault comes after how many calls, and which replies are lost.
"""

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from random import Random

from tests.end_to_end import books
from tests.end_to_end.books import UNANSWERED, Call
from tests.end_to_end.house import Gateway, House, Store, call, until, upstream
from tests.end_to_end.relay import Relay

POLICY = """
version: 1
operations: {work: {title: Work, credits: {base: 0, per: {query.n: 1}, at_most: 1000000000}}}
routes: [{match: POST /work, operation: work, when: {query: {n: "*"}}}]
plans: {drill: {included: 9000000000, period: none}}
"""
ACCOUNTS = ("acme", "acme/web", "bolt", "corp")
STORELESS = "until the store is back"
"""What a worker says that starts without a store."""
FAILING = 0.1
"""The share of calls that the upstream fails."""


class Fault(StrEnum):
    """What can befall an installation."""

    STORE = "store killed"
    WORKER = "worker killed"
    BOTH = "worker killed while the store was dead"
    GATEWAY = "gateway killed"
    ALL = "store and gateway killed with undos on the list"


@dataclass(slots=True, kw_only=True)
class Drill:
    """An installation under traffic."""

    seed: int
    store: Store
    relay: Relay
    house: House
    gateway: Gateway
    keys: dict[str, str]
    random: Random
    calls: list[Call] = field(default_factory=list)
    begun: int = 0
    up: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self) -> None:
        """Make the next call."""
        self.begun += 1
        account, price = self.random.choice(ACCOUNTS), self.begun
        status = 500 if self.random.random() < FAILING else 200
        answer = await call(self.gateway.port, f"/work?n={price}&status={status}", self.keys[account])
        consumed = int(answer.headers.get("x-credits-consumed", 0))
        self.calls.append(Call(account=account, price=price, status=answer.status, consumed=consumed))

    async def call_many(self, count: int, *, at_once: int) -> None:
        """Make so many calls, so many at a time; nobody calls while the gateway is down."""
        last = self.begun + count

        async def customer() -> None:
            while self.begun < last:
                await self.up.wait()
                await self.call()

        await asyncio.gather(*(customer() for _ in range(at_once)))

    async def struck_while_calling(self, fault: Fault, count: int, *, at_once: int) -> None:
        """Make many calls, and let something happen somewhere among them."""
        after = len(self.calls) + self.random.randrange(1, count // 2)
        calling = asyncio.create_task(self.call_many(count, at_once=at_once))
        await asyncio.to_thread(until, lambda: len(self.calls) >= after, f"{after} calls are answered")
        await self.strike(fault)
        await calling

    async def strike(self, fault: Fault) -> None:
        """Let something happen, and see to it that it is mended."""
        match fault:
            case Fault.STORE:
                await asyncio.to_thread(self.store.kill)
                await self._more_calls(5)
                await asyncio.to_thread(self.store.start)
            case Fault.WORKER:
                self.gateway.kill_worker()
                await asyncio.to_thread(until, self._all_workers, "every worker is there again")
            case Fault.BOTH:
                said = self.house.said().count(STORELESS)
                await asyncio.to_thread(self.store.kill)
                self.gateway.kill_worker()
                await asyncio.to_thread(until, lambda: self.house.said().count(STORELESS) > said, "a worker has come")
                await asyncio.to_thread(self.store.start)
            case Fault.GATEWAY:
                await self._restart_gateway()
            case Fault.ALL:
                with self._all_replies_lost():
                    await self._more_calls(5)
                    await asyncio.to_thread(self.store.kill)
                    await asyncio.to_thread(until, lambda: not self.house.undone(), "there is something to undo")
                await self._restart_gateway(first=self.store.start)

    def faults(self) -> list[str]:
        """Say what is wrong with the books."""
        return books.faults(self.house, self.store, self.calls)

    def summary(self) -> Counter[str]:
        """How the calls were answered."""
        return Counter("unanswered" if one.status == UNANSWERED else str(one.status) for one in self.calls)

    async def _restart_gateway(self, *, first: Callable[[], None] = lambda: None) -> None:
        self.up.clear()
        await asyncio.to_thread(self.gateway.kill)
        await asyncio.to_thread(first)
        await asyncio.to_thread(self.gateway.start)
        self.up.set()

    @contextmanager
    def _all_replies_lost(self) -> Iterator[None]:
        """Let the store answer no charge at its first write."""
        lost, self.relay.lost = self.relay.lost, 1.0
        try:
            yield
        finally:
            self.relay.lost = lost

    async def _more_calls(self, count: int) -> None:
        """Wait until so many calls more were answered."""
        enough = len(self.calls) + count
        await asyncio.to_thread(until, lambda: len(self.calls) >= enough, f"{count} more calls are answered")

    def _all_workers(self) -> bool:
        return len(self.gateway.worker_pids()) == int(self.gateway.options[-1])


@contextmanager
def installation(folder: Path, seed: int, *, lost: float, workers: int = 1, outage: str = "refuse") -> Iterator[Drill]:
    """A store, a wire that loses replies, a gateway, an upstream, and customers; says its seed."""
    sys.stdout.write(f"seed: {seed}\n")
    sys.stdout.flush()
    (folder / "policy.yaml").write_text(f"{POLICY}outage: {outage}\n")
    luck = Random(f"{seed} replies")
    with Store(folder=folder) as store, upstream(folder) as api:
        relay = Relay(socket=folder / "r", store=store.socket, random=luck, lost=lost)
        house = House(folder=folder, redis_url=store.url, policies=folder / "policy.yaml")
        wired = replace(house, redis_url=relay.url)
        yield Drill(
            seed=seed,
            store=store,
            relay=relay,
            house=house,
            gateway=Gateway(house=wired, upstream=api, options=("--workers", str(workers))),
            keys={account: house.customer(account, "drill") for account in ACCOUNTS},
            random=Random(seed),
        )


@contextlib.asynccontextmanager
async def open_for_calls(drill: Drill) -> AsyncIterator[None]:
    """Have the gateway serve for as long as the block runs; at its end everything is undone that is to be."""
    async with drill.relay.running():
        try:
            await asyncio.to_thread(drill.gateway.start)
            drill.up.set()
            yield
            await asyncio.to_thread(until, drill.house.undone, "all that was to be undone is undone")
        finally:
            await asyncio.to_thread(drill.gateway.stop)

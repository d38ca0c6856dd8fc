"""Callers who charge one credit again and again while things happen to the store, and the books in the end."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from meter.ledger.engine import RedisLedger
from meter.ledger.promise import Account, Done, LedgerUnavailable, Word
from tests.ledger.books import opened, order, stands

CALLERS = 8
ENOUGH = 10**9


@dataclass
class Traffic:
    ledger: RedisLedger
    accounts: list[Account]
    done: list[tuple[str, str]] = field(default_factory=list)
    """Account and operation of each charge that was acknowledged."""
    unknown: list[tuple[str, str]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, account: Account) -> None:
        while not self.ends.is_set():
            placed = order(self.ledger, account, 1)
            try:
                assert isinstance(await self.ledger.charge(placed), Done)
                self.done.append((account.id, placed.op))
            except LedgerUnavailable as error:
                await self.missed(account.id, placed.op, error)

    async def missed(self, account: str, op: str, error: LedgerUnavailable) -> None:
        if error.fate_unknown:
            self.unknown.append((account, op))
        else:
            self.refused[str(error)] += 1
        await asyncio.sleep(0.005)

    async def more(self, charges: int) -> None:
        """Wait until so many more charges were acknowledged."""
        enough = len(self.done) + charges
        async with asyncio.timeout(30):
            while len(self.done) < enough:  # noqa: ASYNC110 - a condition of many callers
                await asyncio.sleep(0.005)

    async def undo(self) -> None:
        """Undo what is of unknown fate."""
        for account, op in self.unknown:
            assert await self._undone(account, op) in (Word.DONE, Word.REPEAT)

    async def _undone(self, account: str, op: str) -> Word:
        async with asyncio.timeout(30):
            while True:
                try:
                    return (await self.ledger.void(account, op)).word
                except LedgerUnavailable:
                    await asyncio.sleep(0.01)


@asynccontextmanager
async def flowing(ledger: RedisLedger, *names: str) -> AsyncIterator[Traffic]:
    """Charge the accounts all the time, and undo in the end what is of unknown fate."""
    traffic = Traffic(ledger, [await opened(ledger, name, included=ENOUGH) for name in names])
    async with asyncio.TaskGroup() as group:
        for number in range(CALLERS):
            group.create_task(traffic.call(traffic.accounts[number % len(names)]))
        try:
            await traffic.more(1)
            yield traffic
            await traffic.more(50)
        finally:
            traffic.ends.set()
    await traffic.undo()


async def all_entries(ledger: RedisLedger, account: str) -> list[dict]:
    """Every entry of an account's shard, page by page."""
    told: list[dict] = []
    last = ""
    while page := await ledger.entries(ledger.shard_of(account), last):
        told += [json.loads(text) for _, text in page]
        last = page[-1][0]
    return told


async def differences(traffic: Traffic) -> list[str]:
    """What is wrong in the books: charges lost, charges made twice, a balance that is not the sum of its entries."""
    found = []
    for account in traffic.accounts:
        told = await all_entries(traffic.ledger, account.id)
        charged = Counter(one["op"] for one in told if one["kind"] == "charge" and one["account"] == account.id)
        voided = {one["of"] for one in told if one["kind"] == "void"}
        standing = Counter(op for op in charged.elements() if op not in voided)
        wanted = Counter(op for name, op in traffic.done if name == account.id)
        found += [f"lost: {op}" for op in wanted - standing] + [f"too many: {op}" for op in standing - wanted]
        consumed = (await stands(traffic.ledger, account.id)).consumed
        if consumed != wanted.total():
            found.append(f"{account.id} consumed {consumed}, and {wanted.total()} were charged")
    return found

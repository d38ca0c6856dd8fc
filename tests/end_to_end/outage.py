"""An outage under traffic: the store is away for a while, and a worker dies meanwhile."""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass

from tests.end_to_end.books import SERVED, Call
from tests.end_to_end.drill import ACCOUNTS, Drill, open_for_calls
from tests.end_to_end.house import until

WARM = 40
"""So many calls at a time, until every worker has a lease for every account."""


@dataclass(frozen=True, kw_only=True)
class Outage:
    """What was seen of an outage."""

    reserved: Counter[str]
    """Whole credits that were set aside when it began, by account."""
    calls: list[Call]
    """Those that were made meanwhile."""
    unposted: int
    """How many were on disk and not in the books when it ended."""

    @property
    def served(self) -> Counter[str]:
        """Whole credits that calls were told that they cost, by account."""
        served: Counter[str] = Counter()
        for call in self.calls:
            served[call.account] += call.consumed
        return served

    def __str__(self) -> str:
        answered = ", ".join(f"{count} with {status}" for status, count in sorted(self.statuses.items()))
        return f"{answered}; served {self.served.total()} of {self.reserved.total()} credits that were set aside"

    @property
    def statuses(self) -> Counter[int]:
        return Counter(call.status for call in self.calls)


async def struck(drill: Drill, seconds: float, *, at_once: int, leases: bool) -> Outage:
    """Let the store be away for so long under traffic, a worker be killed meanwhile, and all be posted afterwards."""
    async with open_for_calls(drill):
        await drill.call_many(WARM, at_once=at_once)
        while leases and _leases(drill) < len(ACCOUNTS) * len(drill.gateway.worker_pids()):
            await drill.call_many(WARM, at_once=at_once)
        reserved = await asyncio.to_thread(_reserved, drill)
        before = len(drill.calls)
        await asyncio.to_thread(drill.store.kill)
        await _call_for(drill, seconds / 2, at_once=at_once)
        drill.gateway.kill_worker()
        await _call_for(drill, seconds / 2, at_once=at_once)
        seen = Outage(reserved=reserved, calls=drill.calls[before:], unposted=_debits(drill))
        sys.stdout.write(f"{seconds:g} s without a store: {seen}\n")
        await asyncio.to_thread(drill.store.start)
        await asyncio.to_thread(until, lambda: not _debits(drill), "all that was served is posted")
        await asyncio.to_thread(until, lambda: "store" not in drill.gateway.health()["troubles"], "the store is back")
        await drill.call_many(WARM, at_once=at_once)
        return seen


async def _call_for(drill: Drill, seconds: float, *, at_once: int) -> None:
    end = time.monotonic() + seconds

    async def customer() -> None:
        while time.monotonic() < end:
            await drill.call()

    await asyncio.gather(*(customer() for _ in range(at_once)))


def _reserved(drill: Drill) -> Counter[str]:
    return Counter({account: drill.house.balance(account)["reserved"] for account in ACCOUNTS})


def _leases(drill: Drill) -> int:
    """How many leases are open."""
    with drill.store.client() as client:
        return sum(client.zcard(key) for key in client.scan_iter("{meter:*}:holds", count=1000))


def _debits(drill: Drill) -> int:
    """How many calls are in journals that are not done."""
    found = 0
    for path in (drill.house.folder / "reserve").glob("*.jsonl"):
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            continue
        found += sum(json.loads(line)["kind"] == "debit" for line in lines)
    return found


def answered(calls: list[Call]) -> int:
    """How many calls were served."""
    return sum(call.status == SERVED for call in calls)

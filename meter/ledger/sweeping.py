"""Close the holds that nobody closed in time: their workers are dead, or have lost the store for too long.

One elected worker looks for them, outside of any script; each is then closed by a script of its own, which compares its
expiry again.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from meter.ledger.holding import Closed, OpenHold
from meter.ledger.promise import LedgerUnavailable, Word

SWEEP_SECONDS = 2.0
"""How often it is looked for: a hold is closed within five seconds of its expiry, an election included."""
TERM_SECONDS = 3
SHARDS_AT_ONCE = 64
HOLDS_AT_ONCE = 256

log = logging.getLogger(__name__)


class Sweepable(Protocol):
    """What a sweep needs of the ledger. Every method may raise ``LedgerUnavailable`` and nothing else."""

    shards: int

    async def leads(self, task: str, worker: str, *, seconds: int) -> bool:
        """Whether a worker does a task for all."""
        ...

    async def holds(self, shard: int, *, overdue: bool, count: int) -> tuple[OpenHold, ...]:
        """The open holds of a shard."""
        ...

    async def expire_hold(self, account: str, op: str) -> Closed:
        """Close a hold that is past its expiry."""
        ...


async def sweep_on(ledger: Sweepable, swept: Callable[[int], object]) -> None:
    """Sweep for as long as this worker is the one who does, until cancelled; ``swept`` hears how many were closed."""
    worker = secrets.token_hex(8)
    while True:
        try:
            if await ledger.leads("sweep", worker, seconds=TERM_SECONDS):
                swept(await sweep(ledger))
        except LedgerUnavailable as error:
            log.debug("Holds were not swept: %s", error)
        await asyncio.sleep(SWEEP_SECONDS)


async def sweep(ledger: Sweepable) -> int:
    """Close every hold that is past its expiry; how many they were.

    Raises:
        LedgerUnavailable: the store went away; what is closed stays closed.
    """
    count = 0
    async for overdue in _overdue(ledger):
        closed = await asyncio.gather(*(ledger.expire_hold(hold.account, hold.op) for hold in overdue))
        for hold, end in zip(overdue, closed, strict=True):
            if end.word is Word.DONE:
                count += 1
                log.warning("The hold of operation %s expired: its worker is gone, or lost the store.", hold.op)
    return count


async def _overdue(ledger: Sweepable) -> AsyncIterator[tuple[OpenHold, ...]]:
    for first in range(0, ledger.shards, SHARDS_AT_ONCE):
        some = range(first, min(first + SHARDS_AT_ONCE, ledger.shards))
        for found in await asyncio.gather(*(ledger.holds(one, overdue=True, count=HOLDS_AT_ONCE) for one in some)):
            if found:
                yield found

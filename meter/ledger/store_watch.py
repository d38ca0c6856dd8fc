"""Whether the store still knows what it said it knows: one that came back older has lost acknowledged changes.

That happens where a failover promotes a replica that lagged, where a snapshot or a backup is restored, and where a
power cut takes what was not synced. Each second a worker leaves the number of its beat in the store and finds the one
of before; and it looks for the newest of its receipts in every shard. A store's history loses its end and nothing else,
so all older ones are there if the newest is. Calls are never asked for any of this.
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from meter.ledger.history import mentions
from meter.ledger.promise import LedgerUnavailable, Order
from meter.ledger.receipts import Receipt, Receipts
from meter.ledger.shards import PAGE_MAX, Beat

LOOK_SECONDS = 1.0
KNOWN_SECONDS = 600.0
"""The age from which on a missing record says nothing, since it may have been forgotten in its time: entries do."""
OPS_AT_ONCE = 500
NAMED_MAX = 5

log = logging.getLogger(__name__)


class Watched(Protocol):
    """What a watch needs of the ledger. Every method may raise ``LedgerUnavailable`` and nothing else."""

    receipts: Receipts

    async def beat(self, worker: str, number: int) -> Beat:
        """Leave the number of this beat in the store, and learn which one was there."""
        ...

    async def states(self, shard: int, ops: Sequence[str]) -> list[str]:
        """What the records of some operations say became of them."""
        ...

    async def entries(
        self, shard: int, after: str = "", count: int = PAGE_MAX, *, upto: str = "+"
    ) -> tuple[tuple[str, str], ...]:
        """A page of a shard's entries."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a store that came back older does not know any more."""

    why: str
    """How that was noticed: a sentence."""
    lost: tuple[Receipt, ...]
    remembered: int
    """How many receipts there were."""

    def __str__(self) -> str:
        return f"{self.why} {self._operations} See `meter ledger reapply`."

    @property
    def charges(self) -> list[Order]:
        """The charges among them that were not given back, so that they can be made again."""
        undone = {receipt.op for receipt in self.lost if receipt.closes}
        return [receipt.order for receipt in self.lost if receipt.order and receipt.op not in undone]

    @property
    def _operations(self) -> str:
        if not self.lost:
            return f"All of the last {self.remembered} operations of this worker are in its books."
        accounts = Counter(receipt.account for receipt in self.lost).most_common()
        named = ", ".join(f"{account} ({count})" for account, count in accounts[:NAMED_MAX])
        more = f" and {len(accounts) - NAMED_MAX} accounts more" if len(accounts) > NAMED_MAX else ""
        first, last = self.lost[0].op, self.lost[-1].op
        return (
            f"{len(self.lost)} of the last {self.remembered} operations of this worker are not in its books any more, "
            f"from {first} to {last}, of {named}{more}."
        )


class StoreWatch:
    """One worker's look at the store; ``run`` is its owner task."""

    def __init__(self, ledger: Watched, *, on_loss: Callable[[Loss], Awaitable[None]]) -> None:
        """Take whom to tell of a loss, besides the log."""
        self._ledger = ledger
        self._on_loss = on_loss
        self._worker = secrets.token_hex(8)
        self._number = 0
        self._acknowledged = -1
        self._epoch: str | None = None
        self._suspicion: str | None = None
        self.trouble: str | None = None
        """What the store has lost, ever since this worker began."""

    async def run(self) -> None:
        """Look each second, until cancelled."""
        while True:
            try:
                await self.look()
            except LedgerUnavailable as error:
                log.debug("The store could not be looked at: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once.

        Raises:
            LedgerUnavailable: the store does not answer; what is remembered stays for the next time.
        """
        why, receipts = await self._beaten(), self._ledger.receipts
        self._suspicion = self._suspicion or why
        if self._suspicion is None and await self._missing(receipts.newest()):
            self._suspicion = "The store came back older than what this worker saw."
        if self._suspicion is None:
            receipts.forget()
        else:
            await self._find_out(self._suspicion)
            self._suspicion = None

    async def _beaten(self) -> str | None:
        """Leave a beat; why the store is another one, or an older one, than that of the last beat."""
        self._number += 1
        beat = await self._ledger.beat(self._worker, self._number)
        known, self._epoch = self._epoch, beat.epoch
        acknowledged, self._acknowledged = self._acknowledged, self._number
        if known not in (None, beat.epoch):
            return f"The store is another one: its epoch was {known}, and is {beat.epoch}."
        if beat.before < acknowledged:
            seconds = (acknowledged - max(beat.before, 0)) * LOOK_SECONDS
            return f"The store came back older than what this worker saw, by {seconds:.0f} s or more."
        return None

    async def _find_out(self, why: str) -> None:
        """Compare all that is remembered, and tell."""
        receipts = self._ledger.receipts
        remembered = receipts.all()
        lost = await self._missing(remembered)
        loss = Loss(why=why, lost=tuple(sorted(lost)), remembered=sum(map(len, remembered.values())))
        receipts.clear()
        self.trouble = str(loss)
        log.error("%s", loss)
        await self._on_loss(loss)

    async def _missing(self, receipts: Mapping[int, Sequence[Receipt]]) -> list[Receipt]:
        """Those of which the store knows nothing (any more)."""
        pages = [
            (shard, some[first : first + OPS_AT_ONCE])
            for shard, some in receipts.items()
            for first in range(0, len(some), OPS_AT_ONCE)
        ]
        missing = await asyncio.gather(*(self._missing_of(shard, page) for shard, page in pages))
        return [receipt for some in missing for receipt in some]

    async def _missing_of(self, shard: int, receipts: Sequence[Receipt]) -> list[Receipt]:
        states = await self._ledger.states(shard, [receipt.op for receipt in receipts])
        missing = [one for one, state in zip(receipts, states, strict=True) if not one.is_kept_by(state)]
        if not any(self._ledger.receipts.age(receipt) > KNOWN_SECONDS for receipt in missing):
            return missing
        said = await mentions(self._ledger, shard, [receipt.op for receipt in missing])
        return [receipt for receipt in missing if said[receipt.op] < (2 if receipt.closes else 1)]

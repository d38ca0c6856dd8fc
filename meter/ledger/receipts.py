"""What the books said that they hold, as far as one worker was told of late; see ``store_watch.py``.

A call adds to a list and nothing else; everything is looked at in the background.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from meter.ledger.promise import Order

RECEIPTS_MAX = 10_000
KEPT_SECONDS = 60.0
"""How long a receipt is kept while the store answers; while it does not, all stay."""

OPEN = frozenset(("charged", "held", "observed"))
"""The states of an operation to which nothing came after its first step."""


class Receipt(NamedTuple):
    """One step that a store acknowledged."""

    at: float
    """When, by a monotonic clock."""
    account: str
    op: str
    closes: bool
    """Whether it came after the first step of its operation: a refund, or the end of a hold."""
    order: Order | None
    """What was charged, where it was a charge."""

    def is_kept_by(self, state: str) -> bool:
        """Whether a store in whose books the operation stands so may know of this step."""
        return state != "-" and not (self.closes and state in OPEN)


class Receipts:
    """The receipts of one worker, the newest of each shard at hand."""

    def __init__(self, shard_of: Callable[[str], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._shard_of = shard_of
        self._clock = clock
        self._fresh: deque[Receipt] = deque(maxlen=RECEIPTS_MAX)
        self._kept: deque[Receipt] = deque(maxlen=RECEIPTS_MAX)
        self._newest: dict[int, Receipt] = {}

    def add(self, account: str, op: str, *, closes: bool = False, order: Order | None = None) -> None:
        """Note that a step was acknowledged."""
        self._fresh.append(Receipt(self._clock(), account, op, closes, order))

    def newest(self) -> dict[int, list[Receipt]]:
        """The newest of each shard: a store that has these has lost nothing that came before them."""
        self._sort()
        return {shard: [receipt] for shard, receipt in self._newest.items()}

    def all(self) -> dict[int, list[Receipt]]:
        """All that are kept, by shard."""
        self._sort()
        found: dict[int, list[Receipt]] = {}
        for receipt in self._kept:
            found.setdefault(self._shard_of(receipt.account), []).append(receipt)
        return found

    def age(self, receipt: Receipt) -> float:
        """How many seconds ago a receipt was got."""
        return self._clock() - receipt.at

    def forget(self, *, keep_seconds: float = KEPT_SECONDS) -> None:
        """Drop what is older than so many seconds."""
        self._sort()
        before = self._clock() - keep_seconds
        while self._kept and self._kept[0].at < before:
            self._kept.popleft()
        self._newest = {shard: receipt for shard, receipt in self._newest.items() if receipt.at >= before}

    def clear(self) -> None:
        """Drop all."""
        for receipts in (self._fresh, self._kept, self._newest):
            receipts.clear()

    def _sort(self) -> None:
        while self._fresh:
            receipt = self._fresh.popleft()
            self._kept.append(receipt)
            self._newest[self._shard_of(receipt.account)] = receipt

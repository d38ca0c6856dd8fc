"""The books as the operator's desk uses them."""

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

from meter.ledger.audit.stored import HoldsStored
from meter.ledger.holding import HoldingLedger
from meter.ledger.shards import PAGE_MAX, Looked


class Books(HoldingLedger, Protocol):
    """The ledger, and what only administration asks of it; each method may raise as those of ``Ledger`` may."""

    def by(self, actor: str) -> Self:
        """The same books, for somebody whose name goes into the entry of each change that they ask for here."""
        ...

    async def entries_of(self, account: str, before: str = "", *, look_at: int = PAGE_MAX, count: int) -> Looked:
        """Look for an account's entries among so many of its shard, the newest first."""
        ...

    async def grants_stored(self, account: str, ids: Sequence[str]) -> Mapping[str, str]:
        """The facts of grants that an account has or had, without the second of their creation."""
        ...

    async def holds_stored(self, shard: int, members: Sequence[str]) -> HoldsStored:
        """What is stored of operations, each given as ``account|op``."""
        ...

    async def shards_in_use(self) -> Sequence[int]:
        """The shards that have accounts or entries."""
        ...

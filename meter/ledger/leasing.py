"""Leases, as the ledger promises them: credits that one process may spend while the store is away.

They were set aside before. A lease is a hold whose expiry charges all of it: an owner that never comes back may have
spent it to the last credit. What was served meanwhile is posted in the order of its numbers, each once, however often
it is tried.
"""

from dataclasses import dataclass
from typing import Protocol

from meter.credits import ZERO, Credits
from meter.ledger.holding import Closed, HoldingLedger
from meter.ledger.promise import Balance, Stale, Word

LEASE_SECONDS = 3600
"""How long a lease lives that nobody renews."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """What a lease holds from now on."""

    word: Word
    """``done``, ``repeat``; ``gone``: it is not open (any more); ``unknown``: no such account.

    Of a lease that is taken also ``short``: there is nothing to take it from; ``lapsed``, ``suspended`` and ``late``
    as for a charge. Of a posting also ``stale``: a number before it was never posted; ``conflict``: it holds too
    little."""
    held: Credits = ZERO
    balance: Balance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A call that was served while the store was away."""

    account: str
    op: str
    amount: Credits
    operation: str
    quote: str
    """How the price came about: the quote's record."""
    fund: str
    """What it was served from: a lease, by its operation id; else the count of the calls served for the account."""
    seq: int
    """Its place there, from 1 on without a gap."""


class Leases(Protocol):
    """The leases of every account; every method may raise as those of ``Ledger`` may. No call waits for any of them."""

    async def lease(self, account: str, op: str, *, most: Credits, owner: str, seconds: int) -> Leased:
        """Set aside so much, or a twentieth of what the account could spend on anything, whichever is less."""
        ...

    async def post(self, posting: Posting) -> Leased:
        """Charge a call to its lease."""
        ...

    async def charge_late(self, posting: Posting, *, counted: bool) -> Closed | Stale:
        """Charge a call afterwards, as far as the account goes.

        ``Stale``: its period is over, and the next one is to be begun first;
        ``repeat``: it is in the books already; ``stale``: a number before it was never charged; ``unknown``.

        Args:
            posting: the call.
            counted: whether it is charged once by its number, and not by the record of its operation.
        """
        ...

    async def end_late(self, account: str, fund: str) -> None:
        """Forget how far the calls of a count were charged: all of them are."""
        ...


class LeasingLedger(HoldingLedger, Leases, Protocol):
    """The books of every account, with their holds and leases."""

"""Holds, as the ledger promises them: credits set aside for a call until its price is known.

A hold is an object with a life and the receipt of the very grants that it took from. It is closed once: settled at a
price, released, or ended by its expiry; whatever comes later gets a definite word and changes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from meter.credits import ZERO, Credits
from meter.ledger.promise import Balance, ChargeOutcome, Ledger, Order, Word

HOLD_SECONDS = 60
"""How long a hold lives that nobody renews."""
RENEW_SECONDS = 20
"""How often the worker of a call that goes on renews its hold."""


class OnExpiry(StrEnum):
    """What becomes of a hold that nobody closed in time."""

    RELEASE = "release"
    CHARGE = "charge"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldTerms:
    """How long a hold lives, and what its expiry does."""

    on_expiry: OnExpiry
    at_least: Credits = ZERO
    """What an expiry charges, where it charges; at most what is held."""
    seconds: int = HOLD_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """What a hold holds from now on."""

    word: Word
    """``done``; ``short``: it lives on, and nothing more could be held; ``gone``: it is not open (any more);
    ``unknown``: no such account."""
    held: Credits = ZERO
    balance: Balance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """How a hold was closed."""

    word: Word
    """``done``; ``repeat``: it was closed before, and this is what it was charged; ``gone``: nothing to close;
    ``unknown``: no such account."""
    amount: Credits = ZERO
    """What the call was charged."""
    balance: Balance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHold:
    """A hold that is open."""

    account: str
    op: str
    until: int
    """The Unix second at which it expires."""


class Holds(Protocol):
    """The open holds of every account; every method may raise as those of ``Ledger`` may."""

    async def hold(self, order: Order, terms: HoldTerms) -> ChargeOutcome:
        """Set the amount of an order aside, in one trip, all or nothing."""
        ...

    async def extend(self, account: str, op: str, *, amount: Credits, at_least: Credits, seconds: int) -> Extended:
        """Let a hold live on, and hold so much in all: as far as the account goes.

        Args:
            account: whose hold it is.
            op: the operation that holds.
            amount: to hold in all; less than is held already changes nothing of it, so that it may be repeated.
            at_least: what an expiry charges from now on, never less than before.
            seconds: that it lives from now on.
        """
        ...

    async def settle(self, account: str, op: str, *, price: Credits, quote: str, overrun: bool = False) -> Closed:
        """Close a hold at its final price, the rest back to the grants that it came from.

        A price above the hold is charged as far as the hold goes; with ``overrun``, as far as the account goes. A hold
        that was released by its expiry is charged anew, as far as the account goes.
        """
        ...

    async def release(self, account: str, op: str, *, reason: str) -> Closed:
        """Close a hold at nothing."""
        ...

    async def expire_hold(self, account: str, op: str) -> Closed:
        """Close a hold that is past its expiry; ``gone`` where it is not."""
        ...

    async def holds(self, shard: int, *, overdue: bool, count: int) -> tuple[OpenHold, ...]:
        """The open holds of a shard, those that expire first first; only those past their expiry, or all."""
        ...


class HoldingLedger(Ledger, Holds, Protocol):
    """The books of every account, with their holds."""

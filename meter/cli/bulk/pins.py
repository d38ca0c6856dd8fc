"""Accounts chosen by what they are, and pinned to a version of the prices: many at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meter.ledger.pinning import Opened
from meter.ledger.promise import Word
from meter.policy.versions import Pin

if TYPE_CHECKING:
    from meter.ledger.engine import RedisLedger

AT_ONCE = 256
"""So many accounts are worked at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which accounts are meant: those of which all that is said is true."""

    accounts: tuple[str, ...] = ()
    """By name; empty: any."""
    plan: str | None = None
    opened_before: int | None = None
    """Unix second."""
    version: str | None = None
    """Those that are pinned to this one."""

    def chooses(self, found: Opened) -> bool:
        """Whether an account is meant. One that was opened before that was written down is an old one."""
        terms = found.account.terms
        old = self.opened_before is None or found.at is None or found.at < self.opened_before
        pinned = self.version is None or (terms.pin is not None and terms.pin.version == self.version)
        return old and pinned and self.plan in (None, terms.plan)


@dataclass(slots=True)
class Pinned:
    """What became of the accounts that were looked at."""

    seen: int = 0
    already: int = 0
    accounts: list[str] = field(default_factory=list)
    """Those that were pinned, or would be."""
    missing: list[str] = field(default_factory=list)
    """Those that were named, and that nobody knows."""


async def pinned(
    ledger: "RedisLedger", selector: Selector, pin: Pin | None, *, dry_run: bool, told: Callable[[int], None]
) -> Pinned:
    """Pin every account that is meant, or to none; again and again with the same end.

    Args:
        ledger: the books.
        selector: which accounts are meant.
        pin: to what; None takes their pins away.
        dry_run: change nothing.
        told: is given how many accounts are done.

    Raises:
        LedgerUnavailable: the store went away; what is done is done, and the same may be asked again.
    """
    end = Pinned()
    async for names in _pages(ledger, selector):
        found = await asyncio.gather(*(ledger.opened(name) for name in names))
        end.seen += len(names)
        end.missing += [name for name, one in zip(names, found, strict=True) if one is None]
        meant = [one.account for one in found if one is not None and selector.chooses(one)]
        fresh = [account for account in meant if account.terms.pin != pin]
        words = [Word.DONE] * len(fresh) if dry_run else await asyncio.gather(*(ledger.pin(one, pin) for one in fresh))
        done = [account.id for account, word in zip(fresh, words, strict=True) if word is Word.DONE]
        end.accounts += done
        end.already += len(meant) - len(done)
        told(end.seen)
    return end


async def _pages(ledger: "RedisLedger", selector: Selector) -> AsyncIterator[tuple[str, ...]]:
    """The names of the accounts that may be meant, so many at once."""
    for first in range(0, len(selector.accounts), AT_ONCE):
        yield selector.accounts[first : first + AT_ONCE]
    cursor = ""
    while not selector.accounts:
        cursor, names = await ledger.accounts(cursor, count=AT_ONCE)
        if names:
            yield names
        if not cursor:
            return

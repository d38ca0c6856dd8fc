"""Budgets as levels that fill up: those of whoever pays, of the members below it, and of their API keys.

Whose an account's budget is, is asked when there is something to tell of it, and not before: a root can have many.
"""

from collections.abc import Sequence
from typing import Protocol

from meter.credits import ZERO
from meter.ledger.limits import KEY_LEVEL
from meter.ledger.limits import Level as Limited
from meter.ledger.promise import Account, KeyRecord
from meter.notices.rules import Level

BUDGET = "budget:"
HASH_DIGITS = 16
"""So many digits of a key's hash tell keys apart, and nobody the key."""


class LimitBooks(Protocol):
    """What budgets need of the ledger; every method may raise ``LedgerUnavailable`` and nothing else."""

    def shard_of(self, account: str) -> int:
        """Where an account lives."""
        ...

    async def levels(self, account: str, *, aside: bool = False) -> tuple[Limited, ...]:
        """All levels that have limits, of the account's root and of all below it."""
        ...

    async def find_account(self, account: str) -> Account | None:
        """An account, one that pays or a member."""
        ...

    async def find_key(self, shard: int, key_hash: str) -> KeyRecord | None:
        """The record of a key."""
        ...


class Budgets:
    """The budgets in the books."""

    def __init__(self, books: LimitBooks) -> None:
        self._books = books

    async def of(self, account: Account) -> Sequence[Level]:
        """The budgets of a root that may bind what an account pays for: its own, those below it, and those of keys."""
        found = await self._books.levels(account.id, aside=True)
        return [level for one in found if _may_bind(one, account.id) for level in _level(one, account)]

    async def shown(self, account: str, level: Level) -> str | None:
        """How a budget is called where it is told; None where another account pays there."""
        if not level.key_hash:
            home = level.name.removeprefix(BUDGET)
            return level.name if await self._pays_for(account, home) else None
        key = await self._books.find_key(self._books.shard_of(account), level.key_hash)
        if key is None or not await self._pays_for(account, key.account):
            return None
        return f"{BUDGET}{KEY_LEVEL}:{key.hint}"

    async def _pays_for(self, account: str, home: str) -> bool:
        """Whether an account is the nearest one that pays for itself, from ``home`` upwards."""
        while home != account:
            if not home.startswith(f"{account}/"):
                return False
            found = await self._books.find_account(home)
            if found is not None and _pays(found):
                return False
            home = home.rpartition("/")[0]
        return True


def _pays(account: Account) -> bool:
    """Whether an account pays for itself: one whose terms name another payer is a member."""
    return account.terms.payer is None


def _may_bind(level: Limited, account: str) -> bool:
    key = level.name.startswith(f"{KEY_LEVEL}:")
    return key or level.name == account or level.name.startswith(f"{account}/")


def _level(level: Limited, account: Account) -> list[Level]:
    """A budget in the period that runs: what was spent in an earlier one counts as nothing."""
    limit = level.limits.budget
    if limit is None:
        return []
    used = level.budget.spent if level.budget.start >= account.period.start else ZERO
    kind, _, key_hash = level.name.partition(":")
    name = f"{BUDGET}{kind}:{key_hash[:HASH_DIGITS]}" if key_hash else f"{BUDGET}{level.name}"
    return [Level(name=name, used=used, limit=limit, key_hash=key_hash)]

"""What one worker remembers of accounts and keys: hints, never the truth.

Every charge is checked by the store, which answers ``stale`` or ``unknown`` where a hint is out of date; so a wrong
hint costs a trip and never a credit. Whoever adds a hint here names the check that corrects it.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from meter.ledger.promise import Account

ACCOUNTS_MAX = 50_000
UNKNOWN_MAX = 10_000
UNKNOWN_SECONDS = 5
"""How long a key that the store does not know is refused without asking again."""

V = TypeVar("V")


class Hints:
    """Accounts, the accounts of keys, and keys that nobody knows; each bounded, the oldest forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._accounts_of_keys: dict[str, str] = {}
        self._unknown: dict[str, float] = {}

    def account(self, name: str) -> Account | None:
        """The account as it was last seen; ``stale`` corrects it."""
        return self._accounts.get(name)

    def account_of_key(self, key_hash: str) -> str | None:
        """The account that a key belonged to; the charge checks the key, and answers ``unknown``."""
        return self._accounts_of_keys.get(key_hash)

    def unknown(self, key_hash: str) -> bool:
        """Whether the store did not know the key a moment ago."""
        until = self._unknown.get(key_hash)
        return until is not None and self._clock() < until

    def remember(self, account: Account) -> None:
        """Keep an account for the next call."""
        _keep(self._accounts, account.id, account, ACCOUNTS_MAX)

    def remember_key(self, key_hash: str, account: str) -> None:
        """Keep whose key it is."""
        _keep(self._accounts_of_keys, key_hash, account, ACCOUNTS_MAX)

    def remember_unknown(self, key_hash: str) -> None:
        """Keep for a moment that nobody knows the key, and drop whose it was."""
        self._accounts_of_keys.pop(key_hash, None)
        _keep(self._unknown, key_hash, self._clock() + UNKNOWN_SECONDS, UNKNOWN_MAX)

    def forget(self, account: str) -> None:
        """Drop an account that the store does not know."""
        self._accounts.pop(account, None)


def _keep(kept: dict[str, V], name: str, value: V, most: int) -> None:
    if name not in kept and len(kept) >= most:
        del kept[next(iter(kept))]
    kept[name] = value

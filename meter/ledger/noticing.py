"""Notices, as the ledger promises them: told once, written down as an entry, and kept until they are delivered.

That somebody is told of an account, that its entry says so, and that a letter waits to be delivered, is one step. So
nothing is told twice and nothing is forgotten, wherever a worker dies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from meter.credits import Credits
from meter.ledger.promise import Account, Status, Word

WAITING_MAX = 1_000
"""Letters of a shard that wait; beyond, they are dead at once."""
DEAD_MAX = 1_000
"""Dead letters of a shard; beyond, the oldest are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What notices depend on, of one account at one moment."""

    account: Account
    status: Status
    granted: Credits
    """What could be spent in this period."""
    remaining: Credits
    """Of grants alone."""
    reserved: Credits
    consumed: Credits
    included: Credits
    """What the period that runs began with: the grant that its plan includes."""
    epoch: str
    """In which each notice comes once: the period's start; where nothing resets, what was ever granted."""
    asked: int
    """How often a purchase was asked for."""
    now: int
    told: frozenset[str] = frozenset()
    """The names of the notices of this epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A notice to be told."""

    account: str
    op: str
    """Names it for ever."""
    name: str
    what: str
    data: str
    """What the letter says: a JSON object."""
    letter: bool
    """Whether it is to be delivered, besides its entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a purchase may be asked for."""

    cool_off_seconds: int
    times: int
    seconds: int
    """So many times in so many seconds, counted from the first of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of a notice."""

    word: Word
    """``done``; ``repeat``: it was told before; ``stale``: another epoch runs by now; ``unknown``: no such account;
    ``capped``, of a purchase alone: one was asked for too short a time ago, or too often."""
    until: int = 0
    """Of ``capped``: the second from which on it may be asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is to be delivered."""

    id: str
    account: str
    at: int
    """The second of its entry."""
    what: str
    data: str
    attempts: int
    """That have failed."""
    last: str
    """How the last one failed, in one word; ``-`` where there was none."""
    due: int = 0
    """The second of the next attempt; of a dead letter, the one at which it was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """What is new in a shard."""

    last: str
    """The stream id of the last entry that was read; empty if none is new."""
    more: bool
    """Whether there may be more than was read."""
    accounts: tuple[str, ...]
    """Those that have new entries."""
    letters: tuple[Letter, ...]
    """Those that are due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToRead:
    """What is to be looked at."""

    after: Mapping[int, str]
    """Up to where the entries of each shard were read; a shard that is missing, not at all."""
    accounts: tuple[str, ...]
    """Those whose second has come, whether they changed or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What a shard knows of its notices."""

    told: tuple[tuple[int, str, str], ...]
    """Of the last ones the second, the account and the name, the newest first."""
    waiting: tuple[Letter, ...]
    dead: tuple[Letter, ...]


class NoticeBooks(Protocol):
    """What telling and delivering need of the ledger; every method may raise ``LedgerUnavailable`` and nothing else."""

    shards: int
    epoch: str
    """Names the store, for as long as it lives."""

    def now(self) -> int:
        """The store's Unix second."""
        ...

    async def leads(self, task: str, worker: str, *, seconds: int) -> bool:
        """Whether a worker does a task for all."""
        ...

    async def tail(self, shard: int, after: str) -> Tail:
        """What is new in a shard after a stream id; ``0-0`` begins."""
        ...

    async def look(self, account: str) -> Look | None:
        """An account as notices see it; None where there is none."""
        ...

    async def tell(self, telling: Telling, *, epoch: str) -> Told:
        """Write a notice down, once an epoch and name; and its letter."""
        ...

    async def ask_for_purchase(self, telling: Telling, *, asked: int, pace: Pace) -> Told:
        """The same for a purchase, unless it was asked for too short a time ago or too often.

        Args:
            telling: the notice.
            asked: how often it was asked for before.
            pace: how often it may be.
        """
        ...

    async def to_read(self) -> ToRead:
        """From where on entries are to be looked at, and which accounts are anyway."""
        ...

    async def keep(self, read: Mapping[int, str], again: Mapping[str, int]) -> None:
        """Keep over restarts what was looked at.

        Args:
            read: up to where, of each shard.
            again: the second at which an account is to be looked at again; 0 where it is not.
        """
        ...

    async def take(self, shard: int, letter: Letter, *, seconds: int) -> Word:
        """Take a letter that is due in hand, for so long; ``gone`` where somebody else has it."""
        ...

    async def delivered(self, shard: int, letter: str) -> Word:
        """Forget a letter that has arrived."""
        ...

    async def failed(self, shard: int, letter: str, *, attempts: int, why: str, wait_seconds: int | None) -> Word:
        """Keep a letter that failed: for later, or, without a wait, as a dead one."""
        ...

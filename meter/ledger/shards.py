"""A shard's accounts and entries: what listing, exporting, trimming and looking back need.

Nothing here is asked by a call that is being served, so all of it is asked aside.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from meter.ledger import names, scripts
from meter.ledger.asking import Store
from meter.ledger.receipts import Receipts
from meter.ledger.scripts import Script

PAGE_MAX = 1_000
KEPT_SECONDS = 900
"""Entries younger than this stay in the store while there is room."""

SIZES_AT_ONCE = 64
BEAT_SECONDS = 7 * 24 * 3600
"""How long the store remembers a worker that is not here any more, or that it was away from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a store remembers of a worker."""

    epoch: str
    """Of the store itself, as it was made; ``-`` where it has no record of its own."""
    before: int
    """The number of the worker's last beat; -1 where it remembers none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look back found of one account."""

    entries: tuple[tuple[str, str], ...]
    """Stream ids and JSON texts, the newest first."""
    last: str
    """The stream id of the entry that was looked at last; empty where the stream has no more."""


class Shards:
    """The shards of a store."""

    def __init__(self, store: Store, shards: int) -> None:
        self._store = store
        self.shards = shards
        self.receipts = Receipts(self.shard_of)

    def shard_of(self, account: str) -> int:
        """The shard of an account: a new API key begins with it."""
        return names.shard_of(account, self.shards)

    async def accounts(self, cursor: str, *, count: int) -> tuple[str, tuple[str, ...]]:
        """A page of account ids and the cursor of the next; an empty cursor begins, and ends."""
        shard, after = _place(cursor)
        found: list[str] = []
        for there in [one for one in await self.shards_in_use() if one >= shard]:
            page = await self.account_ids(there, after if there == shard else "", count - len(found))
            found += page
            if len(found) == count:
                return f"{there}:{found[-1]}", tuple(found)
        return "", tuple(found)

    async def account_ids(self, shard: int, after: str, count: int) -> list[str]:
        """A page of the account ids of a shard, those after one; an empty one begins."""
        args = (self._store.tag(), str(shard), after, str(count))
        _, ids = await self._store.ask_list(scripts.ACCOUNTS, (names.accounts_key(shard),), args, aside=True)
        return ids

    async def entries(
        self, shard: int, after: str = "", count: int = PAGE_MAX, *, upto: str = "+"
    ) -> tuple[tuple[str, str], ...]:
        """A page of a shard's entries after a stream id, each with its own id and its JSON text."""
        first = f"({after}" if after else "-"
        return await self._entries(shard, first, upto, count)

    async def entries_of(self, account: str, before: str = "", *, look_at: int = PAGE_MAX, count: int) -> Looked:
        """Look for an account's entries among so many of its shard, the newest first, before a stream id."""
        names.check_account_id(account)
        if before:
            names.check_stream_id(before)
        keys = (names.ledger_key(self.shard_of(account)),)
        args = (self._store.tag(), account, f"({before}" if before else "+", str(look_at), str(count))
        _, (last, *parts) = await self._store.ask_list(scripts.ENTRIES_OF, keys, args, aside=True)
        return Looked(entries=tuple(zip(parts[::2], parts[1::2], strict=True)), last=last)

    async def entry(self, shard: int, entry: str) -> str | None:
        """The JSON text of one entry; None where it is not in the store (any more)."""
        names.check_stream_id(entry)
        found = await self._entries(shard, entry, entry, 1)
        return found[0][1] if found else None

    async def checkpoint(self, shard: int, accounts: Iterable[str]) -> None:
        """Write an entry for each account that says where it stands, so that its earlier ones may be trimmed."""
        for account in accounts:
            names.check_account_id(account)
            keys = (names.account_key(shard, account), names.used_key(shard, account), names.ledger_key(shard))
            args = (f"checkpoint:{self._store.tag()}", account)
            await self._store.ask(scripts.CHECKPOINT, keys, args, aside=True)

    async def trim(self, shard: int, up_to: str, *, kept_seconds: int = KEPT_SECONDS) -> int:
        """Forget a shard's entries up to and with one, but none of the last seconds; how many they were."""
        names.check_stream_id(up_to)
        answer = await self._ask(scripts.TRIM, shard, (names.ledger_key(shard),), up_to, str(kept_seconds))
        return int(answer)

    async def stream_bytes(self, shard: int) -> int:
        """What a shard's entries take in the store's memory."""
        return (await self._size(shard))[2]

    async def leads(self, task: str, worker: str, *, seconds: int) -> bool:
        """Whether a worker does a task for all, for so long from now on; nobody else does meanwhile."""
        args = (self._store.tag(), worker, str(seconds))
        return (await self._store.ask(scripts.LEAD, (names.leader_key(task),), args, aside=True)).rest == "1"

    async def beat(self, worker: str, number: int) -> Beat:
        """Leave the number of this beat in the store, and learn which one was there."""
        keys, args = (names.STORE, names.beat_key(worker)), (worker, str(number), str(BEAT_SECONDS))
        answer = await self._store.ask(scripts.BEAT, keys, (self._store.tag(), *args), aside=True)
        epoch, before = answer.rest.split(" ")
        return Beat(epoch=epoch, before=int(before))

    async def states(self, shard: int, ops: Sequence[str]) -> list[str]:
        """What the records of some operations say became of them; ``-`` for one that has none."""
        keys = tuple(names.op_key(shard, op) for op in ops)
        _, states = await self._store.ask_list(scripts.STATES, keys, (self._store.tag(), str(shard)), aside=True)
        return states

    async def shards_in_use(self) -> tuple[int, ...]:
        """The shards that have accounts or entries."""
        used: list[int] = []
        for begin in range(0, self.shards, SIZES_AT_ONCE):
            some = range(begin, min(begin + SIZES_AT_ONCE, self.shards))
            sizes = await asyncio.gather(*map(self._size, some))
            used += [shard for shard, size in zip(some, sizes, strict=True) if any(size)]
        return tuple(used)

    async def _size(self, shard: int) -> tuple[int, int, int]:
        """Accounts, entries, and the bytes of the entries."""
        text = await self._ask(scripts.SIZE, shard, (names.accounts_key(shard), names.ledger_key(shard)))
        accounts, entries, size = map(int, text.split(" "))
        return accounts, entries, size

    async def _ask(self, script: Script, shard: int, keys: tuple[str, ...], *args: str) -> str:
        return (await self._store.ask(script, keys, (self._store.tag(), str(shard), *args), aside=True)).rest

    async def _entries(self, shard: int, first: str, last: str, count: int) -> tuple[tuple[str, str], ...]:
        args = (self._store.tag(), str(shard), first, last, str(count))
        _, parts = await self._store.ask_list(scripts.ENTRIES, (names.ledger_key(shard),), args, aside=True)
        return tuple(zip(parts[::2], parts[1::2], strict=True))


def _place(cursor: str) -> tuple[int, str]:
    shard, _, after = cursor.partition(":")
    if not cursor:
        return 0, ""
    if not shard.isascii() or not shard.isdigit() or (after and not names.is_account_id(after)):
        raise names.BadName(f"{cursor[:80]!r} is no cursor; give the one that came with the page before.")
    return int(shard), after

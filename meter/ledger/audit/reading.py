"""Reading a shard's entries in order, from files and from the store, while others write, export and trim."""

from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from meter.ledger.names import position
from meter.ledger.shards import PAGE_MAX

ZERO = "0-0"
"""Where a stream stands before its first entry."""


class Moved(Exception):
    """Entries left the store while they were read, and are in no file that is known: begin again."""


class Entries(Protocol):
    """The entries that are in the store. Every method may raise ``LedgerUnavailable`` and nothing else."""

    async def entries(self, shard: int, after: str, count: int) -> Sequence[tuple[str, str]]:
        """A page of stream ids and entries, those after a stream id; an empty one begins."""
        ...


class Files(Protocol):
    """The entries that were exported. Every method may raise ``OSError`` and nothing else."""

    def after(self, shard: int, stream_id: str) -> Iterable[tuple[str, str | bytes]]:
        """Stream ids and entries, those after a stream id, in order."""
        ...


class NoFiles:
    """Nothing was exported, or nobody wants to read it."""

    def after(self, _shard: int, _stream_id: str) -> Iterable[tuple[str, str | bytes]]:
        """No entries."""
        return ()


Page = Sequence[tuple[str, str | bytes]]


class Reading:
    """One shard's entries, each once and in order, as far as somebody asks."""

    def __init__(self, store: Entries, files: Files, shard: int) -> None:
        self._store = store
        self._files = files
        self._shard = shard
        self._last = ZERO
        """The last entry that was read."""
        self._floor: str | None = None
        """The first entry of the store when it was read last; None where there was none yet."""
        self._ahead: deque[tuple[str, str | bytes]] = deque()

    async def upto(self, last: str) -> AsyncIterator[Page]:
        """Pages of what was not read yet, up to a stream id and with it.

        Raises:
            Moved: entries have gone that were never read.
        """
        if page := self._taken(last):
            yield page
        while position(self._last) < position(last):
            before = self._last
            for some in await self._more():
                self._ahead.extend(some)
                if page := self._taken(last):
                    yield page
            if self._last == before:
                return

    async def _more(self) -> Iterator[Page]:
        page = await self._store.entries(self._shard, self._last, PAGE_MAX)
        first = await self._store.entries(self._shard, "", 1)
        return self._following(page, first[0][0] if first else None)

    def _following(self, page: Page, first: str | None) -> Iterator[Page]:
        """What follows: from files where entries have left the store, else the page that was there before we looked."""
        if first != self._floor or first is None:
            floor, self._floor = self._floor, None
            for exported in _paged(self._files.after(self._shard, self._last)):
                self._last = exported[-1][0]
                yield exported
                floor = None
            if floor is not None and (first is None or position(first) > position(self._last)):
                raise Moved
        self._floor = first
        if page and position(page[0][0]) > position(self._last):
            self._last = page[-1][0]
            yield page

    def _taken(self, last: str) -> Page:
        """What is read ahead, up to a stream id."""
        taken = []
        while self._ahead and position(self._ahead[0][0]) <= position(last):
            taken.append(self._ahead.popleft())
        return taken


def _paged(entries: Iterable[tuple[str, str | bytes]]) -> Iterator[Page]:
    following = iter(entries)
    while page := list(islice(following, PAGE_MAX)):
        yield page

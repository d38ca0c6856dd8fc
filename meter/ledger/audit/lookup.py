"""Looking an entry up by its id, in the store and in files."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from meter.ledger.audit.entry import Entry, read
from meter.ledger.audit.reading import Files
from meter.ledger.names import check_stream_id, position

_SEQUENCE_MAX = 10**16 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An entry, and where it stands."""

    shard: int
    id: str
    entry: Entry
    where: str
    """``store`` or ``files``."""


class Store(Protocol):
    """The entries that are in the store; may raise ``LedgerUnavailable`` and nothing else."""

    async def entry(self, shard: int, entry: str) -> str | None:
        """The JSON text of one entry; None where it is not there (any more)."""
        ...


async def find(store: Store, files: Files, stream_id: str, shards: Iterable[int]) -> tuple[Found, ...]:
    """Find the entries of an id: one a shard at most.

    Raises:
        BadName: it is no id of an entry.
        LedgerUnavailable: the store does not answer.
        OSError: a file is broken.
    """
    check_stream_id(stream_id)
    asked = tuple(shards)
    texts = await asyncio.gather(*(store.entry(shard, stream_id) for shard in asked))
    found = []
    for shard, text in zip(asked, texts, strict=True):
        where = "store" if text is not None else "files"
        entry = read(text if text is not None else _in_files(files, shard, stream_id))
        if entry is not None:
            found.append(Found(shard=shard, id=stream_id, entry=entry, where=where))
    return tuple(found)


def _in_files(files: Files, shard: int, stream_id: str) -> str | bytes:
    for there, text in files.after(shard, _before(stream_id)):
        return text if there == stream_id else ""
    return ""


def _before(stream_id: str) -> str:
    """The stream id before one."""
    milliseconds, sequence = position(stream_id)
    return f"{milliseconds}-{sequence - 1}" if sequence else f"{milliseconds - 1}-{_SEQUENCE_MAX}"

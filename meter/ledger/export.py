"""Take the ledger's entries out of the store: read, write to files, checkpoint, trim; in this order, shard by shard.

Each step may be the last before a crash: nothing leaves the store before it is in a file and its account's standing is
in a checkpoint, and what is in a file already is never written again.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from meter.ledger.names import position
from meter.ledger.promise import LedgerError, LedgerUnavailable
from meter.ledger.shards import KEPT_SECONDS

PAGE_ENTRIES = 1_000
FILE_ENTRIES = 20_000
"""So many entries, about, are held in memory and make one file."""
KEEP_SECONDS = 10.0
"""How often the streams are measured, where there is room..."""
HURRY_SECONDS = 0.1
"""...and where there is none."""
GROWTH_BYTES_PER_SECOND_MAX = 64 << 20
"""Four times what a busy store writes (20 000 charges a second): an export takes its time too."""
START_PERCENT = 50
"""At so much of what may be kept the largest shards are exported..."""
ENOUGH_PERCENT = 25
"""...as many of them as bring the rest below so much."""

log = logging.getLogger(__name__)


class ExportBusy(LedgerError):
    """Another process is exporting into the same place."""


class Books(Protocol):
    """What an export needs of the ledger. Every method may raise ``LedgerUnavailable`` and nothing else."""

    async def shards_in_use(self) -> Sequence[int]:
        """The shards that have accounts."""
        ...

    async def stream_bytes(self, shard: int) -> int:
        """What a shard's entries take in the store."""
        ...

    async def entries(self, shard: int, after: str, count: int) -> Sequence[tuple[str, str]]:
        """A page of stream ids and entries, those after a stream id; an empty one begins."""
        ...

    async def checkpoint(self, shard: int, accounts: Sequence[str]) -> None:
        """Write an entry that says where each account stands."""
        ...

    async def trim(self, shard: int, up_to: str, *, kept_seconds: int) -> int:
        """Forget entries up to a stream id, but none of the last seconds; how many."""
        ...


class Writer(Protocol):
    """Where entries are exported to. Every method may raise ``OSError`` and nothing else."""

    def claimed(self) -> AbstractContextManager[bool]:
        """Whether nobody else exports here meanwhile."""
        ...

    def last(self, shard: int) -> str | None:
        """The stream id of the last entry of a shard that is here."""
        ...

    def write(self, shard: int, entries: Sequence[tuple[str, str]]) -> object:
        """Put entries on disk, whole or not at all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What the export of one shard did."""

    shard: int
    entries: int
    """New ones, written to files."""
    trimmed: int
    last: str
    """The stream id of the last entry that is in a file."""


class _Entry(msgspec.Struct):
    kind: str
    account: str


@dataclass(slots=True)
class _Reading:
    """What is read of a shard and not written yet."""

    last: str | None
    """The last entry that is in a file."""
    fresh: list[tuple[str, str]] = field(default_factory=list)
    written: int = 0
    touched: dict[str, None] = field(default_factory=dict)
    """Accounts that changed after their last checkpoint, in order."""


_decoder = msgspec.json.Decoder(_Entry)


async def export(books: Books, writer: Writer) -> tuple[Exported, ...]:
    """Export every shard.

    Raises:
        ExportBusy: somebody else exports to the same place.
        LedgerUnavailable: the store went away; what is done stays done, and the next export goes on from there.
        OSError: the files cannot be written, or are broken; likewise.
    """
    with writer.claimed() as alone:
        if not alone:
            raise ExportBusy("Another process is exporting to the same folder; wait until it is done.")
        return tuple([await _export_shard(books, writer, shard) for shard in await books.shards_in_use()])


def over(sizes_bytes: Mapping[int, int], keep_bytes: int) -> tuple[int, ...]:
    """The shards to export so that all stay below ``keep_bytes`` together, largest first; none while there is room."""
    left = sum(sizes_bytes.values())
    if left * 100 < keep_bytes * START_PERCENT:
        return ()
    chosen = []
    for shard in sorted(sizes_bytes, key=sizes_bytes.__getitem__, reverse=True):
        if left * 100 < keep_bytes * ENOUGH_PERCENT:
            break
        chosen.append(shard)
        left -= sizes_bytes[shard]
    return tuple(chosen)


async def keep_below(books: Books, writer: Writer, keep_bytes: int) -> None:
    """Export whatever grows too large, until cancelled; of several workers, one does it at a time.

    Where room is wanted the youngest entries leave the store too: nobody looks for them there, for as long as they are
    young their operations have records.
    """
    while True:
        room_bytes = keep_bytes
        try:
            with writer.claimed() as alone:
                if alone:
                    room_bytes -= await _export_over(books, writer, keep_bytes)
        except (LedgerUnavailable, OSError) as error:
            log.error("The ledger could not be exported, and grows: %s", error)
        await asyncio.sleep(pause_seconds(room_bytes))


def pause_seconds(room_bytes: int) -> float:
    """How long nobody needs to look while so many bytes may still be written."""
    return min(KEEP_SECONDS, max(HURRY_SECONDS, room_bytes // GROWTH_BYTES_PER_SECOND_MAX))


async def _export_over(books: Books, writer: Writer, keep_bytes: int) -> int:
    """Export what is too large; return the bytes that were there before."""
    shards = await books.shards_in_use()
    sizes = await asyncio.gather(*(books.stream_bytes(shard) for shard in shards))
    for shard in over(dict(zip(shards, sizes, strict=True)), keep_bytes):
        done = await _export_shard(books, writer, shard, kept_seconds=0)
        log.info("Shard %d: %d entries exported, %d trimmed.", done.shard, done.entries, done.trimmed)
    return sum(sizes)


async def _export_shard(books: Books, writer: Writer, shard: int, *, kept_seconds: int = KEPT_SECONDS) -> Exported:
    reading, after = _Reading(last=await asyncio.to_thread(writer.last, shard)), ""
    while page := await books.entries(shard, after, PAGE_ENTRIES):
        after = page[-1][0]
        _note(reading, page)
        if len(reading.fresh) >= FILE_ENTRIES:
            await _write(writer, shard, reading)
    await _write(writer, shard, reading)
    await books.checkpoint(shard, tuple(reading.touched))
    trimmed = await books.trim(shard, reading.last, kept_seconds=kept_seconds) if reading.last else 0
    return Exported(shard=shard, entries=reading.written, trimmed=trimmed, last=reading.last or "")


def _note(reading: _Reading, page: Sequence[tuple[str, str]]) -> None:
    """Sort out what is new, and who must have a checkpoint."""
    done = position(reading.last) if reading.last else (0, 0)
    for stream_id, text in page:
        entry = _decoder.decode(text)
        if entry.kind == "checkpoint":
            reading.touched.pop(entry.account, None)
        else:
            reading.touched[entry.account] = None
        if position(stream_id) > done:
            reading.fresh.append((stream_id, text))


async def _write(writer: Writer, shard: int, reading: _Reading) -> None:
    if not reading.fresh:
        return
    writing = asyncio.create_task(asyncio.to_thread(writer.write, shard, reading.fresh))
    try:
        await asyncio.shield(writing)
    finally:
        # A cancelled write goes on in its thread, and must end before the claim does.
        await asyncio.wait([writing])
    reading.last = reading.fresh[-1][0]
    reading.written += len(reading.fresh)
    reading.fresh = []

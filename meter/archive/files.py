"""Files of ledger entries: gzipped JSON lines, named by shard and by their first and last stream id.

A file appears whole or not at all, and nothing in it ever changes. A repeat of the same entries makes the same file.
"""

import fcntl
import gzip
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path

import msgspec

_NAME = re.compile(r"(\d+)_(\d+-\d+)-(\d+-\d+)\.jsonl\.gz", re.ASCII)


class ArchiveBroken(OSError):
    """An archive whose files cannot be what was exported; the message names the file and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of the archive: the entries of a shard from ``first`` to ``last``, both included."""

    path: Path
    shard: int
    first: str
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One entry as it was exported."""

    shard: int
    id: str
    """Its stream id: where it stood, and no name for ever."""
    entry: bytes
    """The JSON object that the ledger wrote."""


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    entry: msgspec.Raw


_decoder = msgspec.json.Decoder(_Line)


class Archive:
    """A folder of files of entries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """Whether this process alone may write here for now."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / ".lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def last(self, shard: int) -> str | None:
        """The stream id of the last entry of a shard that is here.

        Raises:
            ArchiveBroken: two files overlap.
        """
        here = [part.last for part in parts(self.folder) if part.shard == shard]
        return here[-1] if here else None

    def after(self, shard: int, stream_id: str) -> Iterator[tuple[str, bytes]]:
        """The entries of a shard after a stream id, in order; one file is in memory at a time.

        Raises:
            ArchiveBroken: as ``read``.
        """
        for part in parts(self.folder):
            if part.shard == shard and position(part.last) > position(stream_id):
                for stored in entries(part):
                    if position(stored.id) > position(stream_id):
                        yield stored.id, stored.entry

    def write(self, shard: int, entries: Sequence[tuple[str, str | bytes]]) -> Path:
        """Put entries, at least one, into a file of their own; it is on disk, name and all, when this returns.

        Raises:
            ArchiveBroken: some of them are in another file already.
        """
        first, last = entries[0][0], entries[-1][0]
        path = self.folder / f"{shard}_{first}-{last}.jsonl.gz"
        others = [part for part in parts(self.folder) if part.path != path]
        _refuse_overlap([*others, Part(path=path, shard=shard, first=first, last=last)])
        draft = self.folder / f".{shard}.draft"
        with draft.open("wb") as file:
            file.write(gzip.compress(b"".join(_lines(entries)), mtime=0))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        _sync_folder(self.folder)
        return path


def parts(folder: Path) -> tuple[Part, ...]:
    """The files of an archive, shard by shard, in the order of their entries.

    Raises:
        ArchiveBroken: two files overlap.
    """
    named = ((path, _NAME.fullmatch(path.name)) for path in folder.glob("*.jsonl.gz"))
    return _refuse_overlap(
        Part(path=path, shard=int(name[1]), first=name[2], last=name[3]) for path, name in named if name
    )


def read(folder: Path) -> Iterator[Stored]:
    """Every entry of an archive, shard by shard, in order; one file is in memory at a time.

    Raises:
        ArchiveBroken: a file is torn, does not hold what its name says, or overlaps another.
    """
    for part in parts(folder):
        yield from entries(part)


def entries(part: Part) -> Iterator[Stored]:
    """Every entry of one file, in order.

    Raises:
        ArchiveBroken: it is torn, or does not hold what its name says.
    """
    try:
        *whole, rest = gzip.decompress(part.path.read_bytes()).split(b"\n")
        lines = [_decoder.decode(line) for line in whole]
    except (OSError, EOFError, zlib.error, msgspec.DecodeError) as error:
        raise ArchiveBroken(f"{part.path} cannot be read: {error}. Restore it from a backup.") from error
    if rest or not lines or (lines[0].id, lines[-1].id) != (part.first, part.last):
        raise ArchiveBroken(f"{part.path} does not hold the entries that its name says. Restore it from a backup.")
    for line in lines:
        yield Stored(shard=part.shard, id=line.id, entry=bytes(line.entry))


def position(stream_id: str) -> tuple[int, int]:
    """Where a stream id stands among others."""
    milliseconds, _, sequence = stream_id.partition("-")
    return int(milliseconds), int(sequence)


def _refuse_overlap(found: Iterable[Part]) -> tuple[Part, ...]:
    in_order = sorted(found, key=lambda part: (part.shard, position(part.first)))
    for _, of_shard in groupby(in_order, key=attrgetter("shard")):
        for before, after in pairwise(of_shard):
            if position(after.first) <= position(before.last):
                raise ArchiveBroken(
                    f"{before.path.name} and {after.path.name} in {after.path.parent} overlap: they are exports of two "
                    "stores, or of one that was set back; keep one archive a store."
                )
    return tuple(in_order)


def _lines(entries: Iterable[tuple[str, str | bytes]]) -> Iterator[bytes]:
    for stream_id, entry in entries:
        text = entry.encode() if isinstance(entry, str) else entry
        # A line break in JSON text is white space.
        yield b'{"id":"%b","entry":%b}\n' % (stream_id.encode(), text.replace(b"\n", b" "))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

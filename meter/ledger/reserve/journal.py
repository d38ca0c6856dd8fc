"""The journal of one process: what it says is on disk when ``add`` returns; one fsync serves all who wait for it.

What could not be written is as if it had never been said, but for what was noted: facts, which are written as soon as
the disk takes them.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from meter.ledger import kept_files
from meter.ledger.promise import LedgerError
from meter.ledger.reserve import lines as written
from meter.ledger.reserve.lines import Debit, Line

ADD_SECONDS_MAX = 1.0
"""How long a call waits for the disk."""
FAILED_SECONDS = 5.0
"""So long after a failed write no call is let through; then the disk is tried again."""
KEPT_SECONDS = 30 * 24 * 3600
"""How long a journal is kept after all of it was posted: a store that comes back older may have lost it."""
KEPT = "kept"
"""The folder of journals that are done."""

log = logging.getLogger(__name__)


class JournalFailed(LedgerError):
    """The disk did not take what was said; the message says why."""


@dataclass(eq=False, slots=True)
class _Said:
    """Lines that are not on disk yet."""

    text: bytes
    is_fact: bool
    kept: asyncio.Future[None]


class Journal:
    """One file. ``close`` it when nothing is said any more."""

    def __init__(self, folder: Path, *, adopted: tuple[Path, int] | None = None) -> None:
        """Begin a file in a folder, or go on with one whose process died."""
        self._folder = folder
        self._path, self._descriptor = adopted or kept_files.create(folder)
        self._unwritten: list[_Said] = []
        self._writer: asyncio.Task[None] | None = None
        self._failed_at: float | None = None
        self._turning = False
        self.lines = 0
        """How many were added since it was begun or adopted."""
        self.tells_of_calls = False

    @property
    def name(self) -> str:
        """Whose journal it is: hex digits."""
        return self._path.stem

    @property
    def trouble(self) -> str | None:
        """Why no call should be let through on its word; None where all is well."""
        if self._failed_at is None or time.monotonic() >= self._failed_at + FAILED_SECONDS:
            return None
        return f"What is served while the store is away cannot be written to {self._folder}; give its disk room."

    def read(self) -> list[Line]:
        """What it says; a line that nobody can read is passed over, and named."""
        return read_file(self._path)

    async def add(self, *lines: Line) -> None:
        """Put lines on disk.

        Raises:
            JournalFailed: they are not there, or not in time.
        """
        said = self._say(lines, is_fact=False)
        try:
            async with asyncio.timeout(ADD_SECONDS_MAX):
                await asyncio.shield(said.kept)
        except TimeoutError:
            raise JournalFailed(f"{self._path} was not on disk within {ADD_SECONDS_MAX:g} s.") from None
        except OSError as error:
            raise JournalFailed(f"{self._path} could not be written: {error}.") from error

    def note(self, *lines: Line) -> None:
        """Have lines put on disk soon, and before whatever is added later."""
        self._say(lines, is_fact=True)

    async def begin_anew(self, live: Callable[[], Sequence[Line] | None]) -> None:
        """Go on in a new file that says what still matters, and set the old one aside; not where that is None.

        Raises:
            JournalFailed: the old file goes on.
        """
        await self.add()
        if self._unwritten or (first := live()) is None:
            return
        self._turning = True
        try:
            path, descriptor = await asyncio.to_thread(self._begin, first)
            old, self._path, self._descriptor = (self._path, self._descriptor), path, descriptor
            self.lines, self.tells_of_calls = len(first), False
        except OSError as error:
            raise JournalFailed(f"No new journal could be begun in {self._folder}: {error}.") from error
        finally:
            self._turning = False
            self._start()
        await asyncio.to_thread(self._set_aside, *old)

    async def close(self, *, done: bool) -> None:
        """Say nothing any more; one that is not done is adopted by another process, and finished there."""
        if self._writer is not None:
            await self._writer
        for said in self._unwritten:
            said.kept.cancel()
        if done:
            await asyncio.to_thread(self._set_aside, self._path, self._descriptor)
        else:
            os.close(self._descriptor)

    def _say(self, lines: tuple[Line, ...], *, is_fact: bool) -> _Said:
        said = _Said(written.text(lines), is_fact, asyncio.get_running_loop().create_future())
        said.kept.add_done_callback(_hear)
        self.lines += len(lines)
        self.tells_of_calls = self.tells_of_calls or any(isinstance(line, Debit) for line in lines)
        self._unwritten.append(said)
        self._start()
        return said

    def _start(self) -> None:
        if not self._turning and (self._writer is None or self._writer.done()):
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._unwritten:
            batch, self._unwritten = self._unwritten, []
            try:
                await asyncio.to_thread(kept_files.append, self._descriptor, self._text(batch))
            except OSError as error:
                self._failed_at = time.monotonic()
                log.error("What is served while the store is away could not be written to %s: %s", self._path, error)
                self._unwritten = [said for said in batch if said.is_fact] + self._unwritten
                for said in batch:
                    if not said.is_fact:
                        said.kept.set_exception(error)
                return
            self._failed_at = None
            for said in batch:
                said.kept.set_result(None)

    def _text(self, batch: list[_Said]) -> bytes:
        """What is written; after a failure on a line of its own, since the last one may be torn."""
        torn = b"" if self._failed_at is None else b"\n"
        return torn + b"".join(said.text for said in batch)

    def _begin(self, lines: Sequence[Line]) -> tuple[Path, int]:
        path, descriptor = kept_files.create(self._folder)
        kept_files.append(descriptor, written.text(lines))
        return path, descriptor

    def _set_aside(self, path: Path, descriptor: int) -> None:
        """Keep a file that tells of calls for a while; any other one is of no use."""
        if any(isinstance(line, Debit) for line in read_file(path)):
            kept = kept_folder(self._folder)
            path.rename(kept / f"{time.time_ns():x}-{path.name}")
            kept_files.sync(kept)
            _forget_old(kept)
        else:
            path.unlink()
        kept_files.sync(self._folder)
        os.close(descriptor)


def kept_folder(folder: Path) -> Path:
    """Where journals are kept that are done, beside those that are not."""
    kept = folder / KEPT
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    return kept


def read_file(path: Path) -> list[Line]:
    """What a journal says; a line that nobody can read is passed over, and named."""
    found: list[Line] = []
    for number, line in enumerate(kept_files.lines(path), 1):
        try:
            if line:
                found.append(written.read(line))
        except written.NoLine as error:
            log.error(
                "Line %d of %s can't be read, so the call that it may tell of is not posted. %s", number, path, error
            )
    return found


def _forget_old(kept: Path) -> None:
    for path in kept.glob(f"*{kept_files.SUFFIX}"):
        if path.stat().st_mtime < time.time() - KEPT_SECONDS:
            path.unlink(missing_ok=True)


def _hear(kept: asyncio.Future[None]) -> None:
    """Take note of a failure that nobody waits for (any more)."""
    if not kept.cancelled():
        kept.exception()

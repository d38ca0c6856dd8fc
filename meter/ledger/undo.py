"""What a worker still has to undo: operations of unknown fate, and ends of calls that could not be delivered.

An undo is on disk before ``add`` returns, and stays there until the ledger has acknowledged it, whoever dies meanwhile.
Some are delivered twice, which changes nothing.
"""

import asyncio
import contextlib
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from meter.ledger import undo_files
from meter.ledger.holding import HoldingLedger
from meter.ledger.promise import LedgerError, LedgerUnavailable, Word
from meter.ledger.undo_files import Undo, UndoFile, UndoKind

__all__ = ["Undo", "UndoKind", "UndoList", "UndoNotKept"]

PENDING_MAX = 10_000
ADMITTING_MAX = 9_000
"""From here on nobody is admitted: the rest is for the calls that are under way."""
FAILED_SECONDS = 5.0
"""So long after a failed write nobody is admitted; then the disk is tried again."""
FILE_UNDOS_MAX = 1_000
ADD_SECONDS_MAX = 5.0
ADOPT_SECONDS = 5.0
"""How often it looks for files whose owner died."""
AT_ONCE = 64
"""How many are delivered at a time."""
BACKOFF_SECONDS = 0.1
BACKOFF_SECONDS_MAX = 5.0

log = logging.getLogger(__name__)


class UndoNotKept(LedgerError):
    """An undo is not on disk, because the list or the disk is full; the message says which."""


@dataclass(eq=False, slots=True)
class _Item:
    """An undo that is not delivered yet."""

    undo: Undo
    kept: asyncio.Future[None]
    file: UndoFile | None = None


class UndoList:
    """The undos of one worker. ``run`` is its owner task; ``close`` it when that has ended."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._pending: set[_Item] = set()
        self._unwritten: list[_Item] = []
        self._ready: list[_Item] = []
        self._file: UndoFile | None = None
        self._held: set[UndoFile] = set()
        self._writer: asyncio.Task[None] | None = None
        self._more = asyncio.Event()
        self._failed_at: float | None = None

    @property
    def pending(self) -> int:
        """How many undos are not delivered yet."""
        return len(self._pending)

    @property
    def trouble(self) -> str | None:
        """Why nobody should be admitted just now; None where all is well."""
        if self.pending >= ADMITTING_MAX:
            return f"{self.pending} operations wait to be undone; bring the store back."
        if self._failed_at is not None and time.monotonic() < self._failed_at + FAILED_SECONDS:
            return f"Undos cannot be written to {self._folder}; give its disk room."
        return None

    async def add(self, undo: Undo) -> None:
        """Put an undo on the list; return when it is on disk.

        Raises:
            UndoNotKept: the list is full, or the disk failed. In the latter case it is delivered all the same for as
                long as this process lives.
        """
        if self.pending >= PENDING_MAX:
            raise UndoNotKept(f"{undo.op} was not put on the list of undos: {self.pending} wait there already.")
        item = _Item(undo, asyncio.get_running_loop().create_future())
        self._pending.add(item)
        self._unwritten.append(item)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await self._kept(item)

    async def run(self, ledger: HoldingLedger) -> None:
        """Deliver undos, those of dead processes too, until cancelled."""
        while True:
            await self._adopt()
            await self.drain(ledger)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ADOPT_SECONDS):
                    await self._more.wait()
            self._more.clear()

    async def drain(self, ledger: HoldingLedger) -> None:
        """Deliver until nothing is left; while the ledger is unavailable, ever more slowly."""
        pause = BACKOFF_SECONDS
        while self._ready:
            batch, self._ready = self._ready[:AT_ONCE], self._ready[AT_ONCE:]
            try:
                async with asyncio.TaskGroup() as group:
                    for item in batch:
                        group.create_task(self._deliver(ledger, item))
            finally:
                failed = [item for item in batch if item in self._pending]
                self._ready.extend(failed)
            if failed:
                await asyncio.sleep(pause)
            pause = min(pause * 2, BACKOFF_SECONDS_MAX) if failed else BACKOFF_SECONDS

    async def close(self) -> None:
        """Let go of the files; whatever they still hold, another process adopts."""
        if self._writer is not None:
            await self._writer
        for file in self._held:
            os.close(file.descriptor)
        self._held.clear()

    async def _kept(self, item: _Item) -> None:
        try:
            async with asyncio.timeout(ADD_SECONDS_MAX):
                await asyncio.shield(item.kept)
        except TimeoutError:
            raise UndoNotKept(f"{item.undo.op} was not on disk within {ADD_SECONDS_MAX:.0f} s.") from None
        except OSError as error:
            raise UndoNotKept(f"{item.undo.op} could not be written to {self._folder}: {error}.") from error

    async def _write(self) -> None:
        """Put on disk whatever has been added, all that came during one fsync with the next."""
        while self._unwritten:
            batch, self._unwritten = self._unwritten, []
            try:
                await self._commit(batch)
            except OSError as error:
                self._file, self._failed_at = None, time.monotonic()
                for item in batch:
                    item.kept.set_exception(error)
            else:
                self._failed_at = None
                for item in batch:
                    item.kept.set_result(None)
            self._ready.extend(batch)
            self._more.set()

    async def _commit(self, batch: list[_Item]) -> None:
        file = self._file
        if file is None or file.written >= FILE_UNDOS_MAX:
            file = self._file = await asyncio.to_thread(undo_files.create, self._folder)
            self._held.add(file)
        file.written += len(batch)
        file.left += len(batch)
        for item in batch:
            item.file = file
        await asyncio.to_thread(file.append, [item.undo for item in batch])

    async def _adopt(self) -> None:
        """Take over what dead processes left, as far as there is room."""
        for file, undos in await asyncio.to_thread(self._orphans):
            self._held.add(file)
            for undo in undos:
                item = _Item(undo, asyncio.get_running_loop().create_future(), file)
                self._pending.add(item)
                self._ready.append(item)

    def _orphans(self) -> list[tuple[UndoFile, tuple[Undo, ...]]]:
        room = PENDING_MAX - self.pending
        found: list[tuple[UndoFile, tuple[Undo, ...]]] = []
        orphans = undo_files.adopt(self._folder)
        while room > 0 and (orphan := next(orphans, None)):
            found.append(orphan)
            room -= len(orphan[1])
        return found

    async def _deliver(self, ledger: HoldingLedger, item: _Item) -> None:
        try:
            word = await _undone(ledger, item.undo)
        except LedgerUnavailable:
            return
        if word not in (Word.DONE, Word.REPEAT):
            log.warning("%s of %s could not be undone: %s.", item.undo.op, item.undo.account, word)
        self._pending.discard(item)
        await self._release(item.file)

    async def _release(self, file: UndoFile | None) -> None:
        """Remove a file with its last undo."""
        if file is None:
            return
        file.left -= 1
        if file.left:
            return
        if file is self._file:
            self._file = None
        self._held.discard(file)
        await asyncio.to_thread(file.remove)


async def _undone(ledger: HoldingLedger, undo: Undo) -> Word:
    """Undo one operation, and give the ledger's word."""
    account, op, reason = undo.account, undo.op, undo.reason
    match undo.kind:
        case UndoKind.VOID:
            return (await ledger.void(account, op)).word
        case UndoKind.REFUND:
            return await _refunded(ledger, undo)
        case UndoKind.RELEASE:
            return (await ledger.release(account, op, reason=reason)).word
        case UndoKind.SETTLE:
            settled = await ledger.settle(account, op, price=undo.price, quote=undo.quote, overrun=undo.overrun)
            return settled.word


async def _refunded(ledger: HoldingLedger, undo: Undo) -> Word:
    """Give a charge back; one whose record is forgotten is found by its entry, which is what ``void`` does."""
    refunded = await ledger.refund(undo.account, undo.op, reason=undo.reason, keep=undo.keep)
    if refunded.word in (Word.GONE, Word.LATE) and not undo.keep:
        return (await ledger.void(undo.account, undo.op)).word
    return refunded.word

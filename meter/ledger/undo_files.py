"""The files behind the list of undos: one line an undo, written by the one process that holds the file's lock.

A file goes as a whole, when everything in it is delivered; for the rest see ``kept_files.py``.
"""

import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from meter.credits import ZERO, Credits
from meter.ledger import kept_files

log = logging.getLogger(__name__)


class UndoKind(StrEnum):
    """What the ledger is asked to do."""

    VOID = "void"
    """Undo an operation of unknown fate."""
    REFUND = "refund"
    """Give back a charge that is in the books."""
    RELEASE = "release"
    """Close a hold at nothing."""
    SETTLE = "settle"
    """Close a hold at its price: what it holds beyond that is undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """One operation to undo."""

    kind: UndoKind
    account: str
    op: str
    reason: str = ""
    keep: Credits = ZERO
    """What is kept of a charge that is given back."""
    price: Credits = ZERO
    """What a hold is settled at..."""
    quote: str = ""
    """...and how that came about: the quote's record."""
    overrun: bool = False
    """Whether what the price is above the hold is drawn too."""


@dataclass(eq=False, slots=True, kw_only=True)
class UndoFile:
    """A file whose lock this process holds."""

    path: Path
    descriptor: int
    written: int = 0
    """Undos that were ever put into it."""
    left: int = 0
    """Those of them that are not delivered yet."""
    damaged: bool = False
    """It holds a line that nobody can read: it is put aside for people to look at, never deleted."""

    def append(self, undos: Sequence[Undo]) -> None:
        """Put undos on disk; after an ``OSError`` nothing may follow, for the last line may be torn."""
        lines = b"".join(_line(undo) for undo in undos)
        kept_files.append(self.descriptor, lines)

    def remove(self) -> None:
        """Be done with a file; its lock goes with it."""
        if self.damaged:
            self.path.rename(self.path.with_suffix(".unreadable"))
        else:
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def _line(undo: Undo) -> bytes:
    """Write an undo, without what it does not say."""
    said = {name: value for name, value in asdict(undo).items() if value}
    return json.dumps(said).encode() + b"\n"


def create(folder: Path) -> UndoFile:
    """Begin a new file, locked."""
    path, descriptor = kept_files.create(folder)
    return UndoFile(path=path, descriptor=descriptor)


def adopt(folder: Path) -> Iterator[tuple[UndoFile, tuple[Undo, ...]]]:
    """Every file whose owner is gone, now ours, with what it holds; one without undos is removed on the way."""
    for path, descriptor in kept_files.adopt(folder):
        file = UndoFile(path=path, descriptor=descriptor)
        undos = tuple(_read(file))
        file.written = file.left = len(undos)
        if undos:
            yield file, undos
        else:
            file.remove()


def _read(file: UndoFile) -> Iterator[Undo]:
    """The undos of a file, without a last line that a crash tore."""
    for number, line in enumerate(kept_files.lines(file.path), 1):
        try:
            written = json.loads(line)
            yield Undo(**(written | {"kind": UndoKind(written["kind"])}))
        except (ValueError, TypeError, KeyError):
            file.damaged = True
            log.error("Line %d of %s is no undo; the file is put aside as .unreadable.", number, file.path)

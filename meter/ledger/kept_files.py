"""Files of what must not be forgotten, each written by the one process that holds its lock.

The file of a process that died is adopted by whoever gets its lock. Nothing here knows of the event loop: every
function blocks on the disk.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".jsonl"


def create(folder: Path) -> tuple[Path, int]:
    """Begin a new file, locked; its path and its descriptor."""
    while True:
        path = folder / (secrets.token_hex(8) + SUFFIX)
        descriptor = _lock(path, os.O_CREAT | os.O_EXCL)
        if descriptor is not None:
            sync(folder)
            return path, descriptor


def adopt(folder: Path) -> Iterator[tuple[Path, int]]:
    """Every file whose owner is gone, locked by now."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        descriptor = _lock(path)
        if descriptor is not None:
            yield path, descriptor


def append(descriptor: int, lines: bytes) -> None:
    """Put lines on disk; after an ``OSError`` the last line may be torn."""
    while lines:
        lines = lines[os.write(descriptor, lines) :]
    os.fsync(descriptor)


def lines(path: Path) -> list[bytes]:
    """The lines of a file, without a last one that a crash tore."""
    *whole, _torn = path.read_bytes().split(b"\n")
    return whole


def sync(folder: Path) -> None:
    """See to it that the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(path: Path, flags: int = 0) -> int | None:
    """Open and lock a file; None where another process has it, or has just removed it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_there = os.fstat(descriptor).st_nlink > 0
    except BlockingIOError:
        is_there = False
    if is_there:
        return descriptor
    os.close(descriptor)
    return None

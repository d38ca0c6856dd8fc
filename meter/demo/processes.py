"""Processes that are started, waited for, and ended whatever happens: by their own ids, and never by a name."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from meter.demo.interruption import Interruption

READY_SECONDS_MAX = 60.0
"""For a process to say that it listens."""
STOP_SECONDS_MAX = 35.0
"""For a process to end by itself: the gateway may drain for 30 s."""
POLL_SECONDS = 0.05
LOG_LINES_SHOWN = 15


class DemoError(Exception):
    """What stops the demo: a sentence, with the last words of the process concerned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process to run, and how it says that it is ready."""

    name: str
    command: list[str]
    ready: re.Pattern[str]
    """Finds its URL in what it prints."""


@contextmanager
def running(server: Server, folder: Path, environment: Mapping[str, str], interruption: Interruption) -> Iterator[str]:
    """Run a server in a session of its own, so that Ctrl-C reaches us alone; give its URL once it listens.

    Raises:
        DemoError: it did not start.
        KeyboardInterrupt: stopping was wished meanwhile.
    """
    log = folder / f"{server.name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            server.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield _url(server, process, log, interruption)
    finally:
        _end(process)


def _url(server: Server, process: subprocess.Popen[bytes], log: Path, interruption: Interruption) -> str:
    """Wait until a process says where it listens."""
    for _ in until(READY_SECONDS_MAX):
        interruption.check()
        if said := server.ready.search(log.read_text(errors="replace")):
            return said[1]
        if process.poll() is not None:
            break
    words = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])
    raise DemoError(f"The {server.name} did not start; its last words:\n{words}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and make it."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(seconds: float) -> Iterator[None]:
    """Turns of a loop that waits for something, for so long at most."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(POLL_SECONDS)

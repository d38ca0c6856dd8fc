"""A server of the benchmark's own, gone when it ends."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from meter.ledger.embedded import find_binary

READY_SECONDS = 10


def binaries() -> list[Path]:
    """The server that ``meter`` runs for itself, and the one on PATH."""
    on_path = shutil.which("redis-server")
    return list(dict.fromkeys([find_binary(), *([Path(on_path)] if on_path else [])]))


@contextmanager
def running(binary: Path, *more: str) -> Iterator[str]:
    """Start a server on a Unix socket, and give its URL; ``more`` are options of the server."""
    with tempfile.TemporaryDirectory(prefix="meter-") as folder:
        url = f"unix://{folder}/s"
        command = [str(binary), "--port", "0", "--unixsocket", f"{folder}/s", "--dir", folder, "--save", ""]
        options = ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"]
        process = subprocess.Popen([*command, *options, *more], stdout=subprocess.DEVNULL)
        try:
            _wait_for(url)
            yield url
        finally:
            process.kill()
            process.wait()


def _wait_for(url: str) -> None:
    give_up = time.monotonic() + READY_SECONDS
    while True:
        try:
            with redis.Redis.from_url(url) as client:
                client.ping()
                return
        except redis.exceptions.ConnectionError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)

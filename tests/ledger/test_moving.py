"""Backups and moves, as docs/operating.md says them: the books are the same afterwards, to the credit."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.promise import Statement
from tests.cluster import HOST, Cluster, free_ports, until
from tests.conftest import STEP_SECONDS, Server, start_server, stop_server
from tests.ledger.books import charged, opened

NAMES = [f"org-{number}" for number in range(20)]


async def kept(url: str) -> None:
    """Keep some books."""
    async with open_line(url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        for number, name in enumerate(NAMES):
            await charged(ledger, await opened(ledger, name), number)


async def standing(url: str) -> list[Statement | None]:
    """Where all accounts stand, but for when they were asked."""
    async with open_line(url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        return [await ledger.statement(name) for name in NAMES]


def consumed(statements: list[Statement | None]) -> list[int]:
    return [one.consumed for one in statements if one is not None]


def offset(client: redis.Redis, name: str) -> int:
    return int(client.info("replication")[name])


@contextmanager
def started(server: Server, folder: Path, *options: str) -> Iterator[Server]:
    another = start_server(server.binary, folder, *options)
    try:
        yield another
    finally:
        stop_server(another)


@pytest.fixture
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders with short names, since a socket's path may not be long."""
    return tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")


async def test_a_copy_of_the_folder_of_a_store_that_runs_is_a_backup(
    store_server: Server, folders: tuple[Path, Path]
) -> None:
    with started(store_server, folders[0], "--appendfsync", "always") as store:
        await kept(store.url)
        await asyncio.to_thread(shutil.copytree, folders[0] / "appendonlydir", folders[1] / "appendonlydir")
    with started(store_server, folders[1]) as restored:
        assert consumed(await standing(restored.url)) == list(range(len(NAMES)))


async def test_a_replica_that_has_all_of_it_is_the_store_from_then_on(
    store_server: Server, folders: tuple[Path, Path]
) -> None:
    (port,) = free_ports(1)
    with (
        started(store_server, folders[0], "--port", str(port), "--repl-diskless-sync-delay", "0") as store,
        started(store_server, folders[1], "--replicaof", HOST, str(port)) as replica,
    ):
        await kept(store.url)
        with redis.Redis.from_url(store.url) as old, redis.Redis.from_url(replica.url) as new:
            until(lambda: new.info("replication")["master_link_status"] == "up")
            until(lambda: offset(new, "slave_repl_offset") == offset(old, "master_repl_offset"))
            new.replicaof("NO", "ONE")

        assert consumed(await standing(replica.url)) == list(range(len(NAMES)))


async def test_a_store_that_has_become_too_small_is_imported_into_a_cluster(
    store_server: Server, folders: tuple[Path, Path], cluster_url: str, cluster_server: Cluster
) -> None:
    tool = shutil.which("redis-cli")
    if tool is None:
        pytest.skip("There is no redis-cli.")
    (port,) = free_ports(1)
    target = f"{HOST}:{cluster_server.members[0].port}"
    command = [tool, "--cluster", "import", target, "--cluster-from", f"{HOST}:{port}", "--cluster-copy"]
    with started(store_server, folders[0], "--port", str(port)) as store:
        await kept(store.url)
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=60)

    assert consumed(await standing(cluster_url)) == list(range(len(NAMES)))

"""Replicas: what is acknowledged with ``?replicas=N`` survives a failover; what they have not is not acknowledged."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.names import account_key, shard_of
from meter.ledger.promise import Done, LedgerUnavailable
from tests.cluster import Cluster, Member, running, until
from tests.conftest import STEP_SECONDS, server_binary
from tests.ledger.books import charged, opened, order, stands
from tests.ledger.traffic import differences, flowing

KEY = account_key(shard_of("acme"), "acme")


@pytest.fixture(scope="module")
def replicated() -> Iterator[Cluster]:
    """Three masters with a replica each."""
    binary = server_binary()
    assert binary is not None
    with (
        tempfile.TemporaryDirectory(prefix="meter-") as folder,
        running(binary, Path(folder), node_timeout_ms=2_000) as cluster,
    ):
        cluster.replicate(*cluster.members)
        yield cluster


@pytest.fixture
def cluster(replicated: Cluster) -> Cluster:
    replicated.empty()
    return replicated


def replica_of(cluster: Cluster, master: Member) -> Member:
    return next(one for one in cluster.members if one.client.info("replication").get("master_port") == master.port)


def elsewhere(cluster: Cluster) -> list[str]:
    """Some accounts of other masters than that of acme."""
    names = [f"org-{number}" for number in range(20)]
    return [name for name in names if cluster.owner(account_key(shard_of(name), name)) is not cluster.owner(KEY)][:4]


async def test_a_failover_by_hand_loses_no_debit(cluster: Cluster) -> None:
    replica = replica_of(cluster, cluster.owner(KEY))
    async with open_line(cluster.url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        async with flowing(ledger, "acme") as traffic:
            replica.ask("CLUSTER", "FAILOVER")
            await asyncio.to_thread(until, lambda: cluster.owner(KEY) is replica)

        assert await differences(traffic) == []


async def test_a_dead_master_takes_no_debit_with_it_that_was_acknowledged_by_its_replica(cluster: Cluster) -> None:
    async with open_line(f"{cluster.url}&replicas=1") as line:
        ledger = await RedisLedger.open(line)
        async with flowing(ledger, "acme") as traffic, flowing(ledger, *elsewhere(cluster)) as others:
            await traffic.more(100)
            dead = cluster.owner(KEY)
            replica = replica_of(cluster, dead)
            cluster.kill(dead)
            await asyncio.to_thread(until, lambda: cluster.owner(KEY, replica) is replica)
            await asyncio.to_thread(cluster.restart, dead)
            await traffic.more(100)

        assert traffic.unknown
        assert (others.unknown, others.refused) == ([], {})
        assert await differences(traffic) == await differences(others) == []


@contextmanager
def silent(member: Member) -> Iterator[None]:
    """A server that stands still."""
    os.kill(member.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(member.process.pid, signal.SIGCONT)


async def test_what_a_replica_does_not_have_is_not_acknowledged(cluster: Cluster) -> None:
    replica = replica_of(cluster, cluster.owner(KEY))
    async with open_line(f"{cluster.url}&replicas=1") as line:
        ledger = await RedisLedger.open(line)
        account = await opened(ledger)
        with (
            silent(replica),
            pytest.raises(LedgerUnavailable, match="0 of 1 replicas have what the store did") as caught,
        ):
            await ledger.charge(order(ledger, account))
        again = await ledger.charge(order(ledger, account))

    assert caught.value.fate_unknown
    assert isinstance(again, Done)


async def test_the_control_without_replicas_in_the_url_a_failover_takes_debits_with_it(cluster: Cluster) -> None:
    dead = cluster.owner(KEY)
    replica = replica_of(cluster, dead)
    async with open_line(cluster.url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        account = await opened(ledger)
        until(lambda: replica.client.info("replication")["slave_repl_offset"] == offset(dead))
        with silent(replica):
            # What is sent to a replica that stands still waits in its socket, and would be read: so hang up.
            dead.client.execute_command("CLIENT", "KILL", "TYPE", "replica")
            await charged(ledger, account)
            cluster.kill(dead)
        await asyncio.to_thread(until, lambda: cluster.owner(KEY, replica) is replica)
        await asyncio.to_thread(cluster.restart, dead)
        await asyncio.to_thread(cluster.join, len(cluster.members))

        assert (await stands(ledger)).consumed == 0


def offset(master: Member) -> int:
    return int(master.client.info("replication")["master_repl_offset"])

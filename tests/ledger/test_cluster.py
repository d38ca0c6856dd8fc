"""A real cluster under traffic: slots move, masters die, scripts are forgotten, replies are lost; no debit is."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis.asyncio
from redis.crc import key_slot

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.load_board import LoadBoard
from meter.ledger.names import account_key, shard_of
from meter.ledger.promise import Done
from tests.cluster import HOST, Cluster, Member, running, until
from tests.conftest import STEP_SECONDS, assert_no_key_leaks, server_binary
from tests.ledger.books import charged, kinds, opened, order, stands
from tests.ledger.proxy import losing_cluster, once_an_operation
from tests.ledger.traffic import differences, flowing

NAMES = ("acme", "globex", "initech", "umbrella")
CALLS = 1_000


@pytest.fixture
async def books(cluster_url: str) -> AsyncIterator[RedisLedger]:
    async with open_line(cluster_url) as line:
        yield await RedisLedger.open(line, step_seconds=STEP_SECONDS)


@pytest.fixture(scope="module")
def older_cluster() -> Iterator[Cluster]:
    """A cluster of the redis-server on PATH, which is another engine than ours, or an older one."""
    on_path = shutil.which("redis-server")
    if on_path is None or Path(on_path) == server_binary():
        pytest.skip("There is one server alone.")
    with tempfile.TemporaryDirectory(prefix="meter-") as folder, running(Path(on_path), Path(folder)) as started:
        yield started


@pytest.fixture(params=["cluster_server", "older_cluster"])
def any_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Both clusters, empty."""
    cluster: Cluster = request.getfixturevalue(request.param)
    cluster.empty()
    yield cluster
    for one in cluster.members:
        assert_no_key_leaks(one.client)


@pytest.fixture
async def ledger(any_cluster: Cluster) -> AsyncIterator[RedisLedger]:
    async with open_line(any_cluster.url) as line:
        yield await RedisLedger.open(line, step_seconds=STEP_SECONDS)


def key_of(account: str) -> str:
    return account_key(shard_of(account), account)


async def test_accounts_are_spread_over_all_nodes(ledger: RedisLedger, any_cluster: Cluster) -> None:
    for number in range(40):
        await charged(ledger, await opened(ledger, f"org-{number}"))

    assert all(one.client.dbsize() > 20 for one in any_cluster.members)


async def test_pages_of_accounts_run_over_all_nodes(ledger: RedisLedger) -> None:
    names = {f"org-{number}" for number in range(40)}
    await asyncio.gather(*(opened(ledger, name) for name in names))
    cursor, first = await ledger.accounts("", count=25)
    end, second = await ledger.accounts(cursor, count=25)

    assert (sorted([*first, *second]), end) == (sorted(names), "")


async def test_the_load_of_all_workers_is_kept_in_a_cluster(any_cluster: Cluster) -> None:
    async with open_line(any_cluster.url) as line:
        board = LoadBoard(line)
        leader = await board.report("w1", 3)
        await board.publish("w1", "calm")
        other = await board.report("w2", 4)

    assert (leader.leads, other.leads, other.calls, other.published) == (True, False, 7, "calm")


async def test_scripts_that_the_nodes_forget_are_sent_again(ledger: RedisLedger, any_cluster: Cluster) -> None:
    async with flowing(ledger, *NAMES) as traffic:
        for one in any_cluster.members:
            await asyncio.to_thread(one.client.script_flush)
            await traffic.more(20)

    assert (traffic.refused, traffic.unknown) == ({}, [])
    assert await differences(traffic) == []


def move(running: Cluster, key: str, to: Member) -> None:
    """Hand a slot over as ``redis-cli --cluster reshard`` does: key by key, while it is used."""
    owner, slot = running.owner(key), key_slot(key.encode())
    to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", owner.id)
    owner.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
    while keys := owner.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 3):
        owner.client.execute_command("MIGRATE", HOST, to.port, "", 0, 5000, "KEYS", *keys)
    for one in (to, owner, *running.members):
        one.ask("CLUSTER", "SETSLOT", slot, "NODE", to.id)


def others(running: Cluster, key: str) -> list[Member]:
    owner = running.owner(key)
    return [one for one in running.members if one is not owner]


def migrate_slots(running: Cluster, key: str, to: Member) -> None:
    """Hand a slot over as Valkey 9 does it by itself: all at once."""
    slot = key_slot(key.encode())
    running.owner(key).ask("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", to.id)
    until(lambda: all(running.owner(key, one) is to for one in running.members))


async def test_slots_that_move_under_traffic_lose_no_debit_and_double_none(
    ledger: RedisLedger, any_cluster: Cluster
) -> None:
    async with flowing(ledger, *NAMES) as traffic:
        for name in NAMES:
            for to in others(any_cluster, key_of(name)):
                await asyncio.to_thread(move, any_cluster, key_of(name), to)
                await traffic.more(20)

    assert traffic.unknown == []
    assert await differences(traffic) == []


async def test_slots_that_move_all_at_once_refuse_nobody(books: RedisLedger, cluster_server: Cluster) -> None:
    if not cluster_server.knows("CLUSTER", "MIGRATESLOTS"):
        pytest.skip("The server moves no slots by itself.")
    async with flowing(books, *NAMES) as traffic:
        for name in NAMES:
            for to in others(cluster_server, key_of(name)):
                await asyncio.to_thread(migrate_slots, cluster_server, key_of(name), to)
                await traffic.more(20)

    assert (traffic.refused, traffic.unknown) == ({}, [])
    assert await differences(traffic) == []


async def test_a_thousand_replies_that_the_nodes_lose_are_a_thousand_debits(
    books: RedisLedger, cluster_server: Cluster
) -> None:
    accounts = [await opened(books, name, included=CALLS) for name in NAMES]
    async with losing_cluster(cluster_server, once_an_operation()) as proxies, open_line(cluster_server.url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        room = asyncio.Semaphore(20)

        async def charge(number: int) -> object:
            async with room:
                return await ledger.charge(order(ledger, accounts[number % len(accounts)], 1))

        outcomes = await asyncio.gather(*(charge(number) for number in range(CALLS)))

    assert all(isinstance(one, Done) for one in outcomes)
    assert sum([(await stands(books, name)).consumed for name in NAMES]) == CALLS
    assert [(await kinds(books, name)).count("charge") for name in NAMES] == [CALLS // len(NAMES)] * len(NAMES)
    assert sum(one.lost for one in proxies) >= CALLS / 20


async def test_the_control_a_naive_debit_with_the_clients_own_retries_is_made_twice(
    books: RedisLedger, cluster_server: Cluster
) -> None:
    losses = iter([True])
    debit = "return tostring(redis.call('INCRBY', KEYS[1], ARGV[1])) -- naive"
    async with (
        losing_cluster(cluster_server, lambda asked: b"naive" in asked and next(losses, False)),
        redis.asyncio.RedisCluster.from_url(cluster_server.url.partition("?")[0], protocol=2) as client,
    ):
        taken = await client.eval(debit, 1, "{meter:0}:account:naive", 10)

    assert int(taken) == 20

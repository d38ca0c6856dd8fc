"""The start-up guard: what makes a store unfit for money, and what is only worth a warning."""

import re
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import redis.asyncio

from meter.ledger import address
from meter.ledger.facts import Facts
from meter.ledger.guard import FORGETFUL, Finding, Verdict, coverage, findings, inspect, refusal
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.slots import ask_owners
from tests.ledger.scripted import owning, scripted

ROOT = Path(__file__).resolve().parents[2]

SOUND = Facts(
    info={
        "redis_version": "7.0.15",
        "role": "master",
        "aof_enabled": 1,
        "aof_last_write_status": "ok",
        "maxmemory_policy": "noeviction",
        "maxmemory": 1000,
        "used_memory": 100,
    },
    config={"appendfsync": "always", "maxmemory-policy": "noeviction"},
    skew_ms=0,
)


def found(facts: Facts, check: str) -> Finding:
    return next(finding for finding in findings(facts) if finding.check == check)


def with_info(**changed: object) -> Facts:
    return replace(SOUND, info={**SOUND.info, **changed})


def with_fsync(value: str) -> Facts:
    return replace(SOUND, config={"appendfsync": value})


def test_a_sound_store_passes_every_check():
    assert {finding.verdict for finding in findings(SOUND)} == {Verdict.OK}


def test_a_sound_store_is_not_refused():
    assert refusal(findings(SOUND)) is None


@pytest.mark.parametrize(
    ("facts", "check", "sentence"),
    [
        pytest.param(with_info(redis_version="6.2.14"), "version", "is version 6.2.14", id="too-old"),
        pytest.param(with_info(role="slave"), "role", "is a slave, which takes no writes", id="a-replica"),
        pytest.param(with_info(cluster_enabled=1), "role", "one node of a cluster", id="a-node-of-a-cluster"),
        pytest.param(
            replace(SOUND, replicas=2, info={**SOUND.info, "connected_slaves": 1}),
            "replicas",
            "The store has 1 replicas, and 2 must have a change",
            id="fewer-replicas-than-declared",
        ),
        pytest.param(with_info(aof_enabled=0), "persistence", "a restart forgets charges", id="no-append-only-file"),
        pytest.param(with_info(aof_last_write_status="err"), "persistence", "last write", id="disk-full"),
        pytest.param(with_info(maxmemory_policy="allkeys-lru"), "eviction", "allkeys-lru", id="evicts-balances"),
        pytest.param(with_info(maxmemory_policy="volatile-ttl"), "eviction", "volatile-ttl", id="evicts-receipts"),
        pytest.param(with_fsync("no"), "fsync", "half a minute", id="never-fsyncs"),
    ],
)
def test_a_store_that_would_lose_money_is_refused_with_the_fix(facts, check, sentence):
    finding = found(facts, check)

    assert (finding.verdict, sentence in finding.result, finding.fix in (refusal(findings(facts)) or "")) == (
        Verdict.BAD,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("facts", "check", "sentence"),
    [
        pytest.param(with_fsync("everysec"), "fsync", "loses about two seconds of charges", id="everysec"),
        pytest.param(
            with_info(connected_slaves=1), "replicas", "0 of 1 replicas have a change", id="replicas-not-waited-for"
        ),
        pytest.param(with_info(maxmemory=0), "memory", "no memory limit", id="no-limit"),
        pytest.param(with_info(used_memory=800), "memory", "uses 80 % of its 1000 bytes", id="nearly-full"),
        pytest.param(replace(SOUND, skew_ms=2_001), "clock", "+2001 ms from ours", id="clock-ahead"),
        pytest.param(replace(SOUND, skew_ms=-2_001), "clock", "-2001 ms from ours", id="clock-behind"),
        pytest.param(
            replace(SOUND, config=None), "fsync", "does not let us see its appendfsync", id="config-forbidden"
        ),
        pytest.param(with_info(maxmemory=None), "memory", "does not let us see its maxmemory", id="memory-hidden"),
    ],
)
def test_what_is_only_worth_a_warning_does_not_stop_the_start(facts, check, sentence):
    finding = found(facts, check)

    assert (finding.verdict, sentence in finding.result, bool(finding.fix), refusal(findings(facts))) == (
        Verdict.WARN,
        True,
        True,
        None,
    )


def test_below_eighty_percent_memory_is_fine():
    assert found(with_info(used_memory=799), "memory").verdict is Verdict.OK


def test_eviction_is_read_from_config_where_info_hides_it():
    hidden = with_info(maxmemory_policy=None)

    assert found(replace(hidden, config={"maxmemory-policy": "allkeys-lru"}), "eviction").verdict is Verdict.BAD


def test_valkey_is_called_by_its_own_version():
    assert found(with_info(valkey_version="9.1.2"), "version").result == "The store is Valkey 9.1.2."


def test_every_check_is_documented():
    checks = {one.check for one in findings(replace(SOUND, in_cluster=True))} | {coverage([], []).check}
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE)

    assert checks <= set(documented)


async def test_memory_is_only_said_to_forget():
    assert await inspect("memory://") == (FORGETFUL,)


async def test_a_store_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(LedgerUnavailable, match=r"The store does not answer: .*nowhere"):
        await inspect(f"unix://{tmp_path}/nowhere")


async def test_the_guard_reads_a_real_store(store_url):
    read = {finding.check: finding.verdict for finding in await inspect(store_url)}

    assert (read["version"], read["role"], read["persistence"], read["eviction"], read["clock"]) == (Verdict.OK,) * 5


async def test_the_guard_reads_every_master_of_a_cluster(cluster_url, cluster_server):
    found = await inspect(cluster_url)
    by_check = Counter(finding.check for finding in found)

    assert found[0].result == "3 masters have every slot of the cluster."
    assert (by_check["role"], by_check["eviction"]) == (1, 1)
    assert refusal(found) is None


@pytest.mark.parametrize(
    ("config", "verdict"),
    [
        pytest.param({"cluster-require-full-coverage": "no"}, Verdict.OK, id="the others go on"),
        pytest.param({"cluster-require-full-coverage": "yes"}, Verdict.WARN, id="all stop"),
        pytest.param(None, Verdict.WARN, id="nobody can see"),
    ],
)
def test_a_cluster_should_serve_what_it_still_has(config, verdict):
    assert found(replace(SOUND, in_cluster=True, config=config), "partial").verdict is verdict


async def test_what_is_wrong_with_one_node_of_a_cluster_is_said_with_its_name(cluster_url, cluster_server):
    last = cluster_server.members[-1]
    last.client.config_set("maxmemory-policy", "allkeys-lru")
    refused = refusal(await inspect(cluster_url))
    last.client.config_set("maxmemory-policy", "noeviction")

    assert refused == (
        f"127.0.0.1:{last.port}: With maxmemory-policy allkeys-lru a full store deletes balances. "
        "Set `maxmemory-policy noeviction` on the store."
    )


async def test_a_node_of_a_cluster_is_refused_where_its_url_does_not_say_so(cluster_url):
    refused = refusal(await inspect(cluster_url.partition("?")[0]))

    assert refused == "The store is one node of a cluster. Say ?cluster=true in its URL."


async def test_a_server_that_is_no_cluster_is_refused_where_its_url_says_so():
    answer = "-ERR This instance has cluster support disabled\r\n"
    async with scripted(lambda _: answer.encode()) as store:
        with pytest.raises(LedgerUnavailable, match=r"No node tells where .* cluster support disabled"):
            await inspect(f"redis://127.0.0.1:{store.port}?cluster=true")


async def test_a_cluster_with_a_hole_is_refused():
    async with scripted(lambda _: owning((0, 100, 1))) as store:
        owners = await ask_owners(address.read(f"redis://127.0.0.1:{store.port}?cluster=true"))

    assert owners.count(None) == 16_384 - 101
    assert coverage(owners, []).verdict is Verdict.BAD


async def test_an_evicting_store_is_refused(store_url, administrator):
    await administrator.config_set("maxmemory-policy", "allkeys-lru")
    refused = refusal(await inspect(store_url))
    await administrator.config_set("maxmemory-policy", "noeviction")

    assert refused == (
        "With maxmemory-policy allkeys-lru a full store deletes balances. "
        "Set `maxmemory-policy noeviction` on the store."
    )


async def test_a_store_that_forbids_config_is_still_read(store_url, administrator):
    await administrator.acl_setuser(
        "guest", enabled=True, passwords=["+word"], categories=["+@all"], commands=["-config"]
    )
    path = store_url.removeprefix("unix://")
    read = {finding.check: finding for finding in await inspect(f"unix://guest:word@{path}")}
    await administrator.acl_deluser("guest")

    assert (read["fsync"].result, read["eviction"].verdict) == (
        "The store does not let us see its appendfsync.",
        Verdict.OK,
    )


@pytest.fixture
async def administrator(store_url):
    async with redis.asyncio.Redis.from_url(store_url, decode_responses=True) as client:
        yield client


async def test_the_clock_is_compared_with_ours(store_url, monkeypatch):
    ours = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: ours - 5_000_000_000)
    read = {finding.check: finding for finding in await inspect(store_url)}

    assert read["clock"].verdict is Verdict.WARN

"""What a dead master costs: how long its accounts are away, and how many acknowledged charges go with it.

``python -m tests.ledger.kills --times 10``, and the same with ``--replicas 1``: a cluster of three masters with a
replica each, eight callers who charge, and the master of their account is killed again and again.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.names import account_key, shard_of
from tests.cluster import Cluster, running, until
from tests.conftest import server_binary
from tests.ledger.traffic import Traffic, differences, flowing

KEY = account_key(shard_of("acme"), "acme")
CHARGES_BETWEEN = 500


async def killed(cluster: Cluster, traffic: Traffic) -> float:
    """Kill the master, and wait until its replica has taken over, and it is one itself; how long nobody charged."""
    await traffic.more(CHARGES_BETWEEN)
    dead = cluster.owner(KEY)
    replica = next(one for one in cluster.members if one.client.info("replication").get("master_port") == dead.port)
    cluster.kill(dead)
    since = time.monotonic()
    await asyncio.to_thread(until, lambda: cluster.owner(KEY, replica) is replica)
    await asyncio.to_thread(cluster.restart, dead)
    await traffic.more(1)
    away_seconds = time.monotonic() - since
    await asyncio.to_thread(until, lambda: dead.client.info("replication").get("master_link_status") == "up")
    return away_seconds


async def measured(cluster: Cluster, times: int, replicas: int) -> None:
    async with open_line(f"{cluster.url}&replicas={replicas}") as line:
        ledger = await RedisLedger.open(line)
        async with flowing(ledger, "acme") as traffic:
            away = [await killed(cluster, traffic) for _ in range(times)]
        found = await differences(traffic)
    lost = sum(one.startswith("lost") for one in found)
    doubled = sum(one.startswith("too many") for one in found)
    report = (
        f"{times} masters killed, {replicas} replicas waited for",
        f"{len(traffic.done)} charges acknowledged: {lost} lost, {doubled} made twice",
        f"{len(traffic.unknown)} of unknown fate, all undone; {traffic.refused.total()} refused",
        f"away for {statistics.median(away):.1f} s, at most {max(away):.1f} s",
    )
    sys.stdout.write("\n".join(report) + "\n")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--times", type=int, default=10)
    options.add_argument("--replicas", type=int, default=0)
    options.add_argument("--node-timeout-ms", type=int, default=2_000)
    chosen = options.parse_args()
    binary = server_binary()
    assert binary is not None
    with (
        tempfile.TemporaryDirectory(prefix="meter-") as folder,
        running(binary, Path(folder), node_timeout_ms=chosen.node_timeout_ms) as cluster,
    ):
        cluster.replicate(*cluster.members)
        asyncio.run(measured(cluster, chosen.times, chosen.replicas))


if __name__ == "__main__":
    main()

"""What it costs that nothing is lost: charges on a store that syncs each second, always, or waits for a replica too.

    python bench/durability.py [--rounds 5] [--charges 2000]

A server and a replica of our own, on one disk. Figures are microseconds of wall time a charge, the median of the
rounds, all settings in each round: of 64 callers at once, and of one alone.
"""

import argparse
import asyncio
import socket
import statistics
import time
from collections import defaultdict

import redis
from line import microseconds
from store import binaries, running

from meter.credits import Credits
from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms

CALLERS = (64, 1)
SETTINGS = (("everysec", 0), ("always", 0), ("everysec", 1), ("always", 1))
"""``appendfsync``, and how many replicas are waited for."""


async def measured(url: str, charges: int) -> dict[tuple[str, int, int], float]:
    figures = {}
    terms = Terms(plan="bench", included=Credits(10**15), period=PeriodUnit.NONE)
    for fsync, replicas in SETTINGS:
        with redis.Redis.from_url(url) as client:
            client.config_set("appendfsync", fsync)
        async with open_line(f"{url}?replicas={replicas}") as line:
            _, account = await (await RedisLedger.open(line)).open_account("bench", terms, op="open:bench")
            for callers in CALLERS:
                some = charges if callers > 1 else charges // 10
                figures[fsync, replicas, callers] = await microseconds(line, account, some, callers)
    return figures


def free_port() -> int:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])


def wait_for_replica(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        while client.info("replication").get("slave0", {}).get("state") != "online":
            time.sleep(0.05)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--charges", type=int, default=2000)
    chosen = options.parse_args()
    binary, port = binaries()[0], str(free_port())
    figures = defaultdict(list)
    with (
        running(binary, "--bind", "127.0.0.1", "--port", port, "--repl-diskless-sync-delay", "0") as url,
        running(binary, "--replicaof", "127.0.0.1", port),
    ):
        wait_for_replica(url)
        for _ in range(chosen.rounds):
            for setting, figure in asyncio.run(measured(url, chosen.charges)).items():
                figures[setting].append(figure)
    for (fsync, replicas, callers), rounds in figures.items():
        print(f"{fsync:9} replicas={replicas} {callers:3} callers {statistics.median(rounds):8.1f} µs a charge")


if __name__ == "__main__":
    main()

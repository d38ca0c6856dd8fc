"""What one root can take: its accounts and all below them live on one shard, and so on one node of a cluster.

    python bench/one_root.py [--rounds 5] [--charges 20000] [--processes 2]

Processes of sixty-four callers each charge until so many charges are done, first to 64 accounts of one root, then to 64
roots. Figures are charges a second, the median of the rounds, and the processor time of the server for each charge.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import time
from pathlib import Path

import redis
from store import binaries, running

from meter.credits import Credits
from meter.ledger.engine import RedisLedger
from meter.ledger.ids import operation_id
from meter.ledger.line import open_line
from meter.ledger.promise import Account, Done, Order
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms

CALLERS = 64
ACCOUNTS = 64
STEP_SECONDS = 5.0
TERMS = Terms(plan="bench", included=Credits(10**15), period=PeriodUnit.NONE)
QUOTE = '{"operation":"work","credits":"1"}'
NAMES = {
    "one root": [f"org/team-{number}" for number in range(ACCOUNTS)],
    "many roots": [f"org-{number}" for number in range(ACCOUNTS)],
}


async def charge(url: str, names: list[str], charges: int) -> None:
    """Make so many charges, to one account after another."""
    async with open_line(url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        accounts = [(await ledger.open_account(name, TERMS, op=f"open:{name}"[:64]))[1] for name in names]

        async def caller(number: int) -> None:
            for turn in range(charges // CALLERS):
                account = accounts[(number + turn) % len(accounts)]
                await one(ledger, account)

        await asyncio.gather(*(caller(number) for number in range(CALLERS)))


async def one(ledger: RedisLedger, account: Account) -> None:
    order = Order(op=operation_id(ledger.now()), account=account, amount=Credits(1), operation="work", quote=QUOTE)
    outcome = await ledger.charge(order)
    assert isinstance(outcome, Done), outcome


def work(url: str, names: list[str], charges: int) -> None:
    asyncio.run(charge(url, names, charges))


def measured(url: str, names: list[str], charges: int, processes: int) -> tuple[float, float]:
    """Charges a second, and microseconds of the server's processor a charge."""
    with redis.Redis.from_url(url) as client:
        client.flushall()
        work(url, names, CALLERS)
        used, began = processor_seconds(client), time.monotonic()
        workers = [
            multiprocessing.Process(target=work, args=(url, names, charges // processes)) for _ in range(processes)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        seconds, used = time.monotonic() - began, processor_seconds(client) - used
    return charges / seconds, used / charges * 1e6


def processor_seconds(client: redis.Redis) -> float:
    said = client.info("cpu")
    return float(said["used_cpu_user"]) + float(said["used_cpu_sys"])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--charges", type=int, default=20_000)
    options.add_argument("--processes", type=int, default=2)
    given = options.parse_args()
    for binary in binaries():
        with running(binary) as url:
            rounds = [
                {how: measured(url, names, given.charges, given.processes) for how, names in NAMES.items()}
                for _ in range(given.rounds)
            ]
        for how in NAMES:
            rate, each = (statistics.median(one[how][place] for one in rounds) for place in (0, 1))
            print(f"{Path(binary).name:16} {how:12} {rate:8.0f} charges/s, {each:5.1f} us of the server each")


if __name__ == "__main__":
    main()

"""What the line saves: all charges of one tick in one write, against one command at a time, in one run.

    python bench/line.py [--rounds 5] [--charges 4000]

Sixty-four callers charge at once. ``one at a time`` gives every caller a connection of redis-py's own pool for the
length of its command. Figures are microseconds of wall time a charge, the median of the rounds.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from store import binaries, running

from meter.credits import Credits
from meter.ledger.deadline import Deadline
from meter.ledger.engine import RedisLedger
from meter.ledger.ids import operation_id
from meter.ledger.line import Line, open_line
from meter.ledger.promise import Account, Done, Order
from meter.ledger.scripts import Reply, Script
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms

CALLERS = 64
STEP_SECONDS = 5.0


class OneAtATime:
    """A line that sends each script by itself."""

    def __init__(self, url: str) -> None:
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url, max_connections=CALLERS, timeout=1, decode_responses=True, protocol=2, retry=Retry(NoBackoff(), 0)
        )
        self._client = redis.asyncio.Redis(connection_pool=pool)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        deadline.start()
        try:
            reply: Reply = await self._client.evalsha(script.sha, len(keys), *keys, *args)
        except NoScriptError:
            reply = await self._client.eval(script.text, len(keys), *keys, *args)
        return reply

    def place(self, keys: Sequence[str]) -> str:  # noqa: ARG002 - whatever they are, they are here
        return ""

    async def aclose(self) -> None:
        await self._client.aclose()


async def microseconds(line: Line, account: Account, charges: int, callers: int = CALLERS) -> float:
    ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)

    async def call() -> None:
        for _ in range(charges // callers):
            op = operation_id(ledger.now())
            order = Order(op=op, account=account, amount=Credits(1), operation="chat", quote="{}")
            assert isinstance(await ledger.charge(order), Done)

    begun = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    return (time.perf_counter() - begun) * 1e6 / (charges // callers * callers)


async def compared(url: str, rounds: int, charges: int) -> dict[str, float]:
    plain = OneAtATime(url)
    figures: dict[str, list[float]] = {"one write a tick": [], "one at a time": []}
    async with open_line(url) as line:
        terms = Terms(plan="bench", included=Credits(10**15), period=PeriodUnit.NONE)
        _, account = await (await RedisLedger.open(line)).open_account("bench", terms, op="open:bench")
        measure: Callable[[Line], Awaitable[float]] = lambda one: microseconds(one, account, charges)  # noqa: E731
        for _ in range(rounds):
            figures["one write a tick"].append(await measure(line))
            figures["one at a time"].append(await measure(plain))
    await plain.aclose()
    return {name: statistics.median(measured) for name, measured in figures.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--charges", type=int, default=4000)
    chosen = options.parse_args()
    with running(binaries()[0]) as url:
        result = asyncio.run(compared(url, chosen.rounds, chosen.charges))
    for name, figure in result.items():
        print(f"{name:18} {figure:6.1f} µs a charge   {figure / result['one write a tick']:4.2f} ×")


if __name__ == "__main__":
    main()

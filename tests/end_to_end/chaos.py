"""Faults for as long as wanted, and a look at the books: ``scripts/chaos --minutes 10 --seed 7``.

Replies of the store are lost all the while; store, workers and gateway are killed in an order that the seed decides.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from tests.end_to_end.drill import Drill, Fault, installation, open_for_calls

CALLS, AT_ONCE, WORKERS = 100, 16, 2
LOST = 0.05
CHECKS = (
    "no operation was charged or undone twice",
    "every call that was served was charged its price, once, and told so",
    "every call that was refused or failed costs nothing",
    "every call that nobody answered was charged once at most",
    "every balance is the sum of its entries",
    "granted = consumed + reserved + remaining for every account",
    "meter audit finds nothing",
)


def plan(seed: int) -> Iterator[Fault]:
    """The faults of a seed, one after another, without end."""
    random = Random(f"{seed} faults")
    while True:
        yield random.choice(list(Fault))


async def run(drill: Drill, seconds: float) -> list[Fault]:
    """Let things happen for so long; what happened."""
    happened: list[Fault] = []
    async with open_for_calls(drill):
        end = time.monotonic() + seconds
        for fault in plan(drill.seed):
            if time.monotonic() >= end:
                break
            await drill.struck_while_calling(fault, CALLS, at_once=AT_ONCE)
            happened.append(fault)
    return happened


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print what was done and what was found, and fail where the books are wrong."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=1)
    options.add_argument("--seed", type=int, default=None, help="repeats the faults of an earlier run")
    given = options.parse_args(arguments)
    seed = secrets.randbelow(1 << 32) if given.seed is None else given.seed
    with (
        tempfile.TemporaryDirectory() as folder,
        installation(Path(folder), seed, lost=LOST, workers=WORKERS) as drill,
    ):
        happened = asyncio.run(run(drill, 60 * given.minutes))
        wrong = drill.faults()
    answered = ", ".join(f"{count} {how}" for how, count in sorted(drill.summary().items()))
    sys.stdout.write(f"operations: {drill.begun} calls ({answered}), {len(drill.relay.seen)} charges written\n")
    losses = [f"{count} x replies lost by {how}" for how, count in sorted(drill.relay.faults.items())]
    sys.stdout.write(
        "faults: " + ", ".join([*(f"{happened.count(fault)} x {fault}" for fault in Fault), *losses]) + "\n"
    )
    sys.stdout.write("\n".join(wrong or (f"holds: {check}" for check in CHECKS)) + "\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

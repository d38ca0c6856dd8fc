"""A store that fills: charges without end, while the ledger is exported and trimmed as ``meter serve`` does it.

    python bench/fill.py [--charges 1000000] [--keep 268435456] [--workers 2] [--accounts 1000] [--rate N] [--json]

Starts a server of its own that syncs every write to disk, and workers that charge many accounts through the engine;
each worker keeps the ledger below its limit too, as every gateway's does. What the streams take is measured all the
time. At the end each account's balance is compared with the sum of its entries: those that were exported, and those
that are still in the streams. Fails when anything does not add up, or the streams took more than they may.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from meter.archive.files import Archive, Stored, parts, position, read
from meter.archive.sums import sums
from meter.credits import Credits
from meter.ledger.embedded import find_binary
from meter.ledger.engine import RedisLedger
from meter.ledger.export import keep_below
from meter.ledger.ids import operation_id
from meter.ledger.line import open_line
from meter.ledger.promise import Account, Done, LedgerUnavailable, Order
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms

AT_ONCE = 64
"""Charges under way in each worker."""
MEASURE_SECONDS = 0.1
ROW_SECONDS = 5.0
READY_SECONDS_MAX = 10
TERMS = Terms(plan="fill", included=Credits(10**15), period=PeriodUnit.NONE)
AMOUNT = Credits(1_000_000)
WHY = [{"name": "off-peak", "multiply": "7/10", "reason": "02:00 to 07:00 UTC"}]
QUOTE = json.dumps({"policy": "0" * 16, "operation": "image.analyse", "base": "1", "why": WHY, "rounding": "half_up"})


@dataclass(frozen=True, kw_only=True)
class Fill:
    """What is to be done."""

    url: str
    archive: Path
    charges: int
    keep_bytes: int
    workers: int
    accounts: int
    rate: int
    """Charges a second, at most; 0 for as many as can be."""


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """A store of our own, ended afterwards; its URL."""
    socket = folder / "s"
    options = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", "", "--appendonly", "yes"]
    command = [str(find_binary()), *options, "--appendfsync", "always", "--maxmemory-policy", "noeviction"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"unix://{socket}"
    finally:
        running.terminate()
        running.wait()


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisLedger]:
    """The ledger, as soon as its store answers."""
    give_up = time.monotonic() + READY_SECONDS_MAX
    async with open_line(url) as line:
        while True:
            try:
                ledger = await RedisLedger.open(line, step_seconds=READY_SECONDS_MAX)
                break
            except LedgerUnavailable:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(MEASURE_SECONDS)
        yield ledger


def work(fill: Fill, number: int) -> None:
    asyncio.run(charge(fill, number))


async def charge(fill: Fill, number: int) -> None:
    """Charge this worker's accounts in turn, and keep the ledger below its limit."""
    async with opened(fill.url) as ledger:
        mine = range(number, fill.accounts, fill.workers)
        opened_accounts = [await ledger.open_account(f"fill-{one}", TERMS, op="open") for one in mine]
        accounts = [account for _, account in opened_accounts]
        pace = Pace(fill)
        keeper = asyncio.create_task(keep_below(ledger, Archive(fill.archive), fill.keep_bytes))
        await asyncio.gather(*(charge_on(ledger, accounts, pace) for _ in range(AT_ONCE)))
        keeper.cancel()
        await asyncio.wait([keeper])


class Pace:
    """The charges of one worker, none before its time."""

    def __init__(self, fill: Fill) -> None:
        self._left = iter(range(fill.charges // fill.workers))
        self._seconds = fill.workers / fill.rate if fill.rate else 0
        self._began = time.monotonic()

    async def __aiter__(self) -> AsyncIterator[int]:
        for number in self._left:
            await asyncio.sleep(self._began + number * self._seconds - time.monotonic())
            yield number


async def charge_on(ledger: RedisLedger, accounts: list[Account], pace: Pace) -> None:
    async for number in pace:
        account = accounts[number % len(accounts)]
        op = operation_id(ledger.now())
        order = Order(op=op, account=account, amount=AMOUNT, operation="image.analyse", quote=QUOTE)
        done = await ledger.charge(order)
        if not isinstance(done, Done):
            raise SystemExit(f"A charge of {account.id} was refused: {done}")


async def watched(fill: Fill, workers: Sequence[BaseProcess], *, quiet: bool) -> dict[str, object]:
    """Measure the streams for as long as the workers work, print a row now and then, and check the books."""
    began, row_at, most = time.monotonic(), 0.0, 0
    async with opened(fill.url) as ledger:
        while any(worker.is_alive() for worker in workers):
            held = await stream_bytes(ledger)
            most = max(most, held)
            passed = time.monotonic() - began
            if not quiet and passed >= row_at:
                row_at = passed + ROW_SECONDS
                print(f"{passed:>8.0f}{held / 2**20:>14.1f}{most / 2**20:>14.1f}{len(parts(fill.archive)):>10}")
            await asyncio.sleep(MEASURE_SECONDS)
        seconds = time.monotonic() - began
        charges, wrong = await checked(fill, ledger)
    return {
        "charges": charges,
        "seconds": round(seconds, 1),
        "keep_bytes": fill.keep_bytes,
        "stream_bytes_max": most,
        "files": len(parts(fill.archive)),
        "wrong": wrong,
    }


async def stream_bytes(ledger: RedisLedger) -> int:
    return sum([await ledger.stream_bytes(shard) for shard in await ledger.shards_in_use()])


async def checked(fill: Fill, ledger: RedisLedger) -> tuple[int, list[str]]:
    """The charges in the entries, and every account whose balance is not what they add up to."""
    entries = [*read(fill.archive), *[entry async for entry in unexported(fill, ledger)]]
    folds = sums(sorted(entries, key=lambda entry: (entry.shard, position(entry.id))))
    wrong = []
    for account, fold in folds.items():
        said = await ledger.statement(account)
        assert said is not None
        if fold.gap or fold.opening or fold.balance != said.remaining:
            wrong.append(f"{account} has {said.remaining}, and its entries add up to {fold}.")
    charges = sum(b'"kind":"charge"' in entry.entry for entry in entries)
    return charges, wrong if len(folds) == fill.accounts else [*wrong, f"Only {len(folds)} accounts have entries."]


async def unexported(fill: Fill, ledger: RedisLedger) -> AsyncIterator[Stored]:
    """The entries that are in the streams and in no file."""
    for shard in await ledger.shards_in_use():
        after = Archive(fill.archive).last(shard) or ""
        while page := await ledger.entries(shard, after):
            for stream_id, text in page:
                yield Stored(shard=shard, id=stream_id, entry=text.encode())
            after = page[-1][0]


def run(given: argparse.Namespace) -> dict[str, object]:
    """Fill a store, and say what came of it."""
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as url:
        fill = Fill(
            url=url,
            archive=Path(folder) / "archive",
            charges=given.charges,
            keep_bytes=given.keep,
            workers=given.workers,
            accounts=given.accounts,
            rate=given.rate,
        )
        fill.archive.mkdir()
        spawn = multiprocessing.get_context("spawn")
        processes = [spawn.Process(target=work, args=(fill, number)) for number in range(given.workers)]
        for process in processes:
            process.start()
        result = asyncio.run(watched(fill, processes, quiet=given.json))
        failed = [process.exitcode for process in processes if process.exitcode]
        return {**result, "failed_workers": len(failed)}


def main() -> None:
    """Fill a store, print the table or its last line, and fail where anything is wrong."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--charges", type=int, default=1_000_000)
    options.add_argument("--keep", type=int, default=256 << 20)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--accounts", type=int, default=1_000)
    options.add_argument("--rate", type=int, default=0)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    if not given.json:
        print(f"{'seconds':>8}{'stream MiB':>14}{'most MiB':>14}{'files':>10}")
    result = run(given)
    print(json.dumps(result) if given.json else "\n".join(f"{name}: {value}" for name, value in result.items()))
    fine = result["charges"] == given.charges and not result["wrong"] and not result["failed_workers"]
    below = int(str(result["stream_bytes_max"])) < given.keep
    sys.exit(0 if fine and below else 1)


if __name__ == "__main__":
    main()

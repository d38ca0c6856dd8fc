"""The proof: many clients in many processes do everything to the books, and are killed, as the store is.

``scripts/prove --operations 1000000 --kills 20 --seed 7``: says its seed, how far it is, and what holds. A seed repeats
what is done and which process is killed when; the clock decides between which two steps.
"""

import argparse
import asyncio
import logging
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.promise import Statement
from meter.ledger.sweeping import sweep
from tests.end_to_end.house import ROOT
from tests.proof import verdict
from tests.proof.client import ACCOUNTS, HOLD_SECONDS
from tests.proof.fate import FatedStore
from tests.proof.journal import Fate, Line, read

STALL_SECONDS = 0.4
FIRST_JUMP_SECONDS = -2000
JUMP_SECONDS = (-3, 3, 2000)
"""By how much the store's clock jumps: within what is overlooked, and by more than the life of an operation's record.
Far back it goes but once, at first: `docs/meaning.md` says what a clock forgets that goes far ahead and then back."""
SETTLE_SECONDS_MAX = 60
CHECKS = (
    "nothing that was acknowledged is missing, and nothing that was refused is there",
    "no operation has two entries of a kind, and every hold ended once",
    "what a client was told a call cost is what its entry says",
    "no grant ever held less than nothing, and no plan's overage was passed",
    "granted = consumed + reserved + remaining, and granted = spendable + held + spent + expired + revoked",
    "the balance of every account is the sum of its entries",
    "no credits are held any more",
    "meter audit finds nothing",
)


class Fault(StrEnum):
    """What can befall the books and those who use them."""

    CLIENT = "client process killed"
    STORE = "store killed"
    STALL = "store silent for a while"
    FLUSH = "scripts forgotten"
    POWER = "power cut"
    DISK = "disk full"
    CLOCK = "clock jumped"


@dataclass(slots=True)
class Process:
    """One process of clients, and those that took its place."""

    number: int
    url: str
    folder: Path
    seed: int
    clients: int
    operations: int
    lives: int = 0
    earlier: int = 0
    counted: int = 0
    process: subprocess.Popen[str] | None = None
    counter: threading.Thread | None = None

    @property
    def done(self) -> int:
        return self.earlier + self.counted

    def start(self) -> None:
        """Begin, or go on in the place of one that was killed."""
        self.earlier, self.counted, self.lives = self.done, 0, self.lives + 1
        name = f"{self.seed}.{self.number}.{self.lives}"
        left = str(max(1, self.operations - self.earlier))
        journal = str(self.folder / f"{name}.jsonl")
        command = [sys.executable, "-m", "tests.proof.client", self.url, journal, name, str(self.clients), left]
        with (self.folder / f"{name}.err").open("wb") as errors:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.counter = threading.Thread(target=self._count, args=(self.process,), daemon=True)
        self.counter.start()

    def kill(self) -> None:
        """End it as a crash does, unless it has ended."""
        assert self.process is not None
        assert self.counter is not None
        self.process.kill()
        self.process.wait()
        self.counter.join()

    def is_over(self) -> bool:
        """Whether all is done."""
        assert self.process is not None
        return self.process.poll() is not None

    def broken(self) -> list[str]:
        """What clients found wrong themselves, so that their process failed."""
        said = [
            path.read_text().strip().splitlines()
            for path in sorted(self.folder.glob(f"{self.seed}.{self.number}.*.err"))
        ]
        return [lines[-1] for lines in said if lines]

    def _count(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as told:
            for line in told:
                self.counted = int(line)


@dataclass(slots=True, kw_only=True)
class Proof:
    """One run."""

    seed: int
    store: FatedStore
    folder: Path
    processes: list[Process]
    random: Random
    kinds: Sequence[Fault] = tuple(Fault)
    """What may happen."""
    unsynced: int = 0
    """Bytes that power cuts took."""
    happened: list[Fault] = field(default_factory=list)

    @property
    def done(self) -> int:
        return sum(process.done for process in self.processes)

    def run(self, operations: int, kills: int) -> None:
        """Work it off, and let so many faults happen, evenly over the work."""
        plan = [self.random.choice(self.kinds) for _ in range(kills)]
        plan[: len(self.kinds)] = self.kinds[: len(plan)]
        told = 0.0
        while not all(process.is_over() for process in self.processes):
            struck = len(self.happened)
            if struck < kills and self.done >= operations * (struck + 1) // (kills + 1):
                self.strike(plan[struck])
            if time.monotonic() - told > 5:
                told = time.monotonic()
                sys.stderr.write(f"{self.done:>9} of {operations} operations, {len(self.happened)} faults\n")
            time.sleep(0.01)

    def strike(self, fault: Fault) -> None:
        """Let something happen, and see to it that work goes on."""
        self.happened.append(fault)
        match fault:
            case Fault.CLIENT:
                process = self.random.choice(self.processes)
                if not process.is_over():
                    process.kill()
                    process.start()
            case Fault.STORE:
                self.store.kill()
                time.sleep(STALL_SECONDS)
                self.store.start()
            case Fault.STALL:
                assert self.store.process is not None
                self.store.process.send_signal(signal.SIGSTOP)
                time.sleep(STALL_SECONDS)
                self.store.process.send_signal(signal.SIGCONT)
            case Fault.POWER:
                self.unsynced += self.store.cut_power()
                time.sleep(STALL_SECONDS)
                self.store.start()
            case Fault.DISK:
                self.store.fill_disk()
                self.store.start()
            case Fault.CLOCK:
                first = Fault.CLOCK not in self.happened[:-1]
                self.store.jump(FIRST_JUMP_SECONDS if first else self.random.choice(JUMP_SECONDS))
            case Fault.FLUSH:
                with self.store.client() as client:
                    client.script_flush()

    def faults(self) -> list[str]:
        """Say all that is wrong, once nothing is held any more."""
        self.store.jump(max(0, -self.store.ahead_seconds))
        statements = asyncio.run(self._settled())
        with self.store.client() as client:
            books = verdict.fold(verdict.entries(client))
        broken = [line for process in self.processes for line in process.broken()]
        unsummed = [
            f"{one.account.id} has {one.remaining}, and its entries sum up to {books.sums[one.account.id]}."
            for one in statements
            if books.sums[one.account.id] != one.remaining + _unwritten(one)
        ]
        return [*broken, *unsummed, *verdict.faults(books, self.journal(), statements), *self.audited()]

    def audited(self) -> list[str]:
        """What `meter audit` finds."""
        command = [sys.executable, "-m", "meter", "audit", "--redis", self.store.url, "--data", str(self.folder)]
        audit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return [] if audit.returncode == 0 else [f"meter audit: {line}" for line in audit.stdout.splitlines()]

    def journal(self) -> Iterator[Line]:
        for path in sorted(self.folder.glob("*.jsonl")):
            yield from read(path)

    async def _settled(self) -> list[Statement]:
        async with open_line(self.store.url) as line:
            ledger = await RedisLedger.open(line, step_seconds=5)
            end = time.monotonic() + SETTLE_SECONDS_MAX
            while any([await ledger.holds(ledger.shard_of(name), overdue=False, count=1) for name in ACCOUNTS]):
                assert time.monotonic() < end, "Holds are left long after their expiry."
                await asyncio.sleep(HOLD_SECONDS / 10)
                await sweep(ledger)
            for name in ACCOUNTS:
                await ledger.checkpoint(ledger.shard_of(name), [name])
            return [one for name in ACCOUNTS if (one := await ledger.statement(name))]


def summary(journal: Iterable[Line]) -> str:
    """How the orders ended, as their clients were told."""
    told = Counter(line.fate for line in journal if line.kind in ("charge", "hold"))
    answered = told[Fate.DONE] + told[Fate.REFUSED]
    open_ones = told[Fate.BEGUN] - answered
    percent = 100 * told[Fate.REFUSED] // max(1, answered)
    return f"{answered} orders answered, {percent} % of them refused, {open_ones} not answered"


def _unwritten(one: Statement) -> int:
    """What expired in the second between the checkpoint and the statement."""
    life = one.lifetime
    return life["granted"] - life["held"] - life["spent"] - life["expired"] - life["revoked"] - one.remaining


@contextmanager
def proof(
    folder: Path,
    *,
    seed: int,
    operations: int,
    processes: int = 4,
    clients: int = 64,
    kinds: Sequence[Fault] = tuple(Fault),
    sync: str = "always",
) -> Iterator[Proof]:
    """A store and its clients; says its seed."""
    sys.stdout.write(f"seed: {seed}\n")
    sys.stdout.flush()
    with FatedStore(folder=folder, sync=sync) as store:
        share = operations // processes
        made = [Process(number, store.url, folder, seed, clients // processes, share) for number in range(processes)]
        try:
            for process in made:
                process.start()
            yield Proof(seed=seed, store=store, folder=folder, processes=made, random=Random(seed), kinds=tuple(kinds))
        finally:
            for process in made:
                process.kill()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print what was done and what was found, and fail where the books are wrong."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--operations", type=int, default=1_000_000)
    options.add_argument("--kills", type=int, default=24, help="faults, evenly over the work")
    options.add_argument("--processes", type=int, default=4)
    options.add_argument("--clients", type=int, default=64, help="in all processes together")
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--only", type=Fault, choices=list(Fault), action="append", help="a fault that may happen")
    options.add_argument("--sync", choices=["always", "everysec", "no"], default="always", help="appendfsync")
    given = options.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    seed = secrets.randbelow(1 << 32) if given.seed is None else given.seed
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        proof(
            Path(folder),
            seed=seed,
            operations=given.operations,
            processes=given.processes,
            clients=given.clients,
            kinds=given.only or tuple(Fault),
            sync=given.sync,
        ) as run,
    ):
        run.run(given.operations, given.kills)
        seconds = time.monotonic() - began
        wrong = run.faults()
        counts = ", ".join(f"{run.happened.count(fault)} x {fault}" for fault in Fault)
        sys.stdout.write(f"operations: {run.done} in {seconds:.0f} s; {summary(run.journal())}\n")
        sys.stdout.write(f"faults: {counts}; {run.unsynced} bytes were written and never synced\n")
    sys.stdout.write("\n".join(wrong[:50] or [f"holds: {check}" for check in CHECKS]) + "\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

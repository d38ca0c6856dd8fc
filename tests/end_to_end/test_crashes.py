"""The store, the workers and the whole gateway are killed in the middle of the traffic, and the books are right."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.drill import Drill, Fault, installation, open_for_calls
from tests.end_to_end.house import House, Store, until

SEED = 8
AT_ONCE = 16
CALLS = 70
"""Between two faults."""


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """Traffic through four workers, and crashes of every kind in an order that the seed decides."""
    with installation(tmp_path_factory.mktemp("crashes"), SEED, lost=0, workers=4) as drill:
        asyncio.run(_struck(drill))
        yield drill


async def _struck(drill: Drill) -> None:
    faults = [Fault.STORE, Fault.STORE, Fault.WORKER, Fault.WORKER, Fault.BOTH, Fault.GATEWAY, Fault.ALL]
    drill.random.shuffle(faults)
    async with open_for_calls(drill):
        for fault in faults:
            await drill.struck_while_calling(fault, CALLS, at_once=AT_ONCE)


def test_no_acknowledged_debit_is_lost_and_none_is_doubled(drill: Drill) -> None:
    assert drill.faults() == []


def test_the_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    with Store(folder=tmp_path) as store:
        house = House(folder=tmp_path, redis_url=store.url)
        with house.gateway("http://127.0.0.1:9", "--workers", "2") as gateway, _ended(gateway.worker_pids()) as workers:
            gateway.kill_parent()
            until(lambda: not any(map(_lives, workers)), "the workers have ended")

    assert len(workers) == 2


@contextmanager
def _ended(workers: list[int]) -> Iterator[list[int]]:
    """See to it that processes have ended, whatever comes."""
    try:
        yield workers
    finally:
        for pid in filter(_lives, workers):
            os.kill(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_calls_were_served_and_calls_were_struck(drill: Drill) -> None:
    answered = drill.summary()

    assert set(answered) >= {"200", "unanswered"}
    assert answered["200"] > CALLS

"""The store is away: calls are refused at once, or served from what was set aside, and the books are right afterwards.

An outage lasts some seconds here; METER_OUTAGE_SECONDS says how many, such as 60.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from meter.ledger.deadline import STEP_SECONDS
from tests.end_to_end import outage
from tests.end_to_end.drill import Drill, installation, open_for_calls
from tests.end_to_end.house import Answer, House, call, until, upstream
from tests.end_to_end.outage import Outage

SEED = 11
SECONDS = float(os.environ.get("METER_OUTAGE_SECONDS", "3"))
AT_ONCE = 8
LEASE = 3_000 * max(1, round(SECONDS / 3)) ** 2
"""Enough for some of the calls: each costs more than the one before."""


@pytest.fixture(scope="module")
def leased(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Drill, Outage]]:
    """An outage in which calls are served from leases."""
    folder = tmp_path_factory.mktemp("leased")
    with installation(folder, SEED, lost=0, workers=2, outage=f"{{allowance: {LEASE}}}") as drill:
        yield drill, asyncio.run(outage.struck(drill, SECONDS, at_once=AT_ONCE, leases=True))


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Drill, Outage]]:
    """An outage in which calls are served and charged late."""
    folder = tmp_path_factory.mktemp("late")
    with installation(folder, SEED, lost=0, workers=2, outage=f"{{serve: {LEASE}}}") as drill:
        yield drill, asyncio.run(outage.struck(drill, SECONDS, at_once=AT_ONCE, leases=False))


def test_what_is_served_in_an_outage_was_set_aside_before(leased: tuple[Drill, Outage]) -> None:
    _, seen = leased
    served = seen.served

    assert outage.answered(seen.calls) > 0
    assert seen.statuses[503] > 0
    assert {account for account in served if served[account] > seen.reserved[account]} == set()
    assert all(amount <= 2 * LEASE for amount in seen.reserved.values())


def test_all_that_was_served_is_posted_once_and_nothing_is_overspent(leased: tuple[Drill, Outage]) -> None:
    drill, seen = leased

    assert seen.unposted > 0
    assert drill.faults() == []


def test_nothing_stays_set_aside(leased: tuple[Drill, Outage]) -> None:
    drill, _ = leased

    assert [drill.house.balance(account)["reserved"] for account in drill.keys] == [0] * len(drill.keys)
    assert [path.name for path in (drill.house.folder / "reserve").iterdir()] == ["kept"]


def test_what_was_served_without_a_lease_is_charged_once(late: tuple[Drill, Outage]) -> None:
    drill, seen = late

    assert seen.reserved.total() == 0
    assert outage.answered(seen.calls) > 0
    assert all(amount <= 2 * LEASE for amount in seen.served.values())
    assert drill.faults() == []


def timed(port: int, key: str) -> tuple[Answer, float]:
    began = time.monotonic()
    answer = asyncio.run(call(port, "/work?n=1", key))
    return answer, time.monotonic() - began


def test_a_silent_store_keeps_the_first_callers_no_longer_than_its_deadline_and_the_others_not_at_all(
    tmp_path: Path,
) -> None:
    with installation(tmp_path, SEED, lost=0) as drill:
        asyncio.run(_silenced(drill))


async def _silenced(drill: Drill) -> None:
    async with open_for_calls(drill):
        await drill.call_many(5, at_once=1)
        assert drill.store.process is not None
        os.kill(drill.store.process.pid, signal.SIGSTOP)
        first = [await asyncio.to_thread(timed, drill.gateway.port, drill.keys["acme"]) for _ in range(6)]
        after = [await asyncio.to_thread(timed, drill.gateway.port, drill.keys["acme"]) for _ in range(20)]
        health = await asyncio.to_thread(drill.gateway.health)
        os.kill(drill.store.process.pid, signal.SIGCONT)
        await asyncio.to_thread(until, lambda: timed(drill.gateway.port, drill.keys["acme"])[0].status == 200, "served")

    answers = [answer for answer, _ in first + after]
    assert {(answer.status, answer.headers["retry-after"]) for answer in answers} == {(503, "1")}
    assert median(seconds for _, seconds in first) < 2 * STEP_SECONDS
    assert median(seconds for _, seconds in after) < STEP_SECONDS / 5
    assert (health["ready"], health["troubles"]) == (False, ["store"])
    assert drill.house.said().count("Calls are refused until the store answers") == 1
    assert drill.house.said().count("It answers again.") == 1


def test_a_gateway_whose_memory_is_its_store_says_that_it_serves_nothing_in_an_outage(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(
        "version: 1\noutage: {allowance: 5}\n"
        "operations: {work: {title: Work, credits: 1}}\nroutes: [{match: POST /work, operation: work}]\n"
    )
    house = House(folder=tmp_path, redis_url="memory://outages", policies=tmp_path / "policy.yaml")
    with upstream(tmp_path) as api, house.gateway(api):
        pass

    assert "While the store is away calls are refused, whatever the policies say" in house.said()

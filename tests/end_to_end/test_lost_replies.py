"""The store's reply to the first write of every debit is lost, and the books are right to the credit."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.end_to_end.drill import Drill, installation, open_for_calls

CALLS, AT_ONCE = 1_000, 16
SEED = 20261122


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """A thousand calls, each of whose charges was executed and then not answered."""
    with installation(tmp_path_factory.mktemp("lost"), SEED, lost=1.0) as drill:
        asyncio.run(_called(drill))
        yield drill


async def _called(drill: Drill) -> None:
    async with open_for_calls(drill):
        while len(drill.relay.seen) < CALLS:  # while the breaker is open, calls are refused that are not written
            await drill.call_many(CALLS // 10, at_once=AT_ONCE)


def test_every_debit_lost_the_reply_to_its_first_write(drill: Drill) -> None:
    assert len(drill.relay.seen) >= CALLS
    assert drill.relay.faults.keys() == {"cut", "silence"}


def test_every_call_was_served_or_told_that_the_ledger_is_away(drill: Drill) -> None:
    answered = drill.summary()

    assert set(answered) == {"200", "500", "503"}
    assert answered.total() >= CALLS


def test_no_operation_was_charged_twice_and_what_was_answered_503_is_undone(drill: Drill) -> None:
    assert drill.faults() == []

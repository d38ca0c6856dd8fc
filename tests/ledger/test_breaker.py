"""The breaker: whom a silent store keeps waiting, and whom it does not."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from redis.asyncio.connection import UnixDomainSocketConnection
from redis.exceptions import ResponseError

from meter.ledger.asking import Store
from meter.ledger.breaker import OPENS_AFTER, PROBE_SECONDS, Breaker
from meter.ledger.complaints import NoAnswer, NoReply, NotAsked, complaint
from meter.ledger.deadline import Deadline
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.scripts import STORE, Reply, Script
from meter.ledger.shards import Shards
from meter.ledger.tick_line import TickLine

NOW = 100.0
AWAY = NoAnswer("It is away.", fate_unknown=False)
FULL = LedgerUnavailable("It is full.", fate_unknown=False)


def failed(times: int, breaker: Breaker | None = None) -> Breaker:
    breaker = breaker or Breaker()
    for _ in range(times):
        breaker = breaker.failed(NOW, NOW)
    return breaker


def test_it_opens_after_five_failures_in_a_row() -> None:
    assert not failed(4).is_open
    assert failed(5).is_open


def test_a_success_between_failures_begins_the_row_anew() -> None:
    assert not failed(4, failed(4).succeeded()).is_open


def test_all_that_wait_in_one_stall_are_one_failure() -> None:
    stalled = Breaker()
    for asked_at in (0.0, 0.1, 0.2, 0.24, 0.249, 0.249):
        stalled = stalled.failed(asked_at, asked_at + 0.25)

    assert stalled.failures == 1
    assert stalled.failed(0.25, 0.5).failures == 2


def test_a_closed_one_lets_everybody_through() -> None:
    assert failed(4).admitted(NOW) == failed(4)


def test_an_open_one_lets_the_first_through_at_once_and_then_one_a_second() -> None:
    opened = failed(OPENS_AFTER)
    probing = opened.admitted(NOW)
    assert probing is not None

    assert probing.admitted(NOW) is None
    assert probing.admitted(NOW + PROBE_SECONDS - 0.001) is None
    assert probing.admitted(NOW + PROBE_SECONDS) is not None


def test_a_probe_that_fails_lets_nobody_else_through() -> None:
    probing = failed(OPENS_AFTER).admitted(NOW)
    assert probing is not None

    assert probing.failed(NOW, NOW + 0.25).admitted(NOW + 0.5) is None


def test_it_remembers_since_when_it_is_open() -> None:
    assert failed(OPENS_AFTER).failed(NOW + 60, NOW + 60).opened_at == NOW


def test_the_first_success_closes_it() -> None:
    closed = failed(50).succeeded()

    assert closed == Breaker()
    assert closed.admitted(NOW) == closed


@dataclass
class Moody:
    """A line to a store that answers as it is told."""

    fails: LedgerUnavailable | None = None
    asked: list[str] = field(default_factory=list)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        self.asked.append(args[0])
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        return f"{args[0]} {args[1]} done 1000 0 1 256 epoch"

    def place(self, keys: Sequence[str]) -> str:
        return ""


@dataclass
class HalfAway(Moody):
    """A line to two servers, one for each key, of which one is away until its keys have moved."""

    moved: bool = False

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        self.fails = AWAY if keys == ("away",) and not self.moved else None
        return await super().run(script, keys, args, deadline)

    def place(self, keys: Sequence[str]) -> str:
        return "anew" if self.moved else keys[0]


async def asked(store: Store, *, times: int = 1, aside: bool = False, key: str = "k") -> list[str]:
    """How each of some steps ended."""
    outcomes = []
    for number in range(times):
        try:
            await store.ask(STORE, (key,), (f"step-{number}", "store"), aside=aside)
            outcomes.append("answered")
        except LedgerUnavailable as error:
            outcomes.append(type(error).__name__)
    return outcomes


async def test_a_store_that_is_away_is_asked_five_times_and_once_more_to_probe() -> None:
    line = Moody(fails=AWAY)

    assert await asked(Store(line), times=20) == ["NoAnswer"] * 6 + ["NotAsked"] * 14
    assert len(line.asked) == 6


async def test_what_was_not_asked_has_a_known_fate_and_says_since_when() -> None:
    store = Store(Moody(fails=AWAY))
    await asked(store, times=6)
    with pytest.raises(NotAsked, match=r"The store has been silent for 0 s\. It was not asked this time\.") as caught:
        await store.ask(STORE, ("k",), ("step", "store"))

    assert not caught.value.fate_unknown


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(FULL, id="the store is full"),
        pytest.param(complaint(ResponseError("BADSTATE x"), Deadline()), id="one account can't be read"),
        pytest.param(complaint(ResponseError("LOADING x"), Deadline()), id="it is loading"),
    ],
)
async def test_a_store_that_says_why_not_is_no_silent_one(error: LedgerUnavailable) -> None:
    store = Store(Moody(fails=error))
    await asked(store, times=20)

    assert store.silence is None


async def test_a_step_counts_once_however_often_it_was_written() -> None:
    line = Moody(fails=NoReply("Nothing came."))
    store = Store(line, step_seconds=0.05)
    await asked(store)

    assert store.silence is None


async def test_calls_that_fail_together_open_nothing() -> None:
    line = Moody(fails=AWAY)
    store = Store(line)
    outcomes = await asyncio.gather(*(asked(store) for _ in range(50)))

    assert outcomes == [["NoAnswer"]] * 50
    assert store.silence is None


async def test_work_aside_opens_nothing() -> None:
    store = Store(Moody(fails=AWAY))
    await asked(store, times=20, aside=True)

    assert store.silence is None


async def test_work_aside_is_asked_while_calls_are_refused_and_its_answer_ends_that() -> None:
    line = Moody(fails=AWAY)
    store = Store(line)
    await asked(store, times=10)
    line.fails = None

    assert await asked(store) == ["NotAsked"]
    assert await asked(store, aside=True) == ["answered"]
    assert await asked(store) == ["answered"]


async def test_a_node_that_is_away_keeps_nobody_from_the_others() -> None:
    store = Store(HalfAway())
    away = await asked(store, times=10, key="away")

    assert away == ["NoAnswer"] * 6 + ["NotAsked"] * 4
    assert await asked(store, times=10, key="here") == ["answered"] * 10
    assert await asked(store, key="away") == ["NotAsked"]
    assert store.silence == "The store at away has been silent for 0 s."


async def test_a_node_whose_keys_another_one_has_got_is_missed_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    line = HalfAway()
    store = Store(line)
    await asked(store, times=10, key="away")
    line.moved = True

    assert store.silence is None
    assert await asked(store, times=10, key="away") == ["answered"] * 10
    assert caplog.messages[-1] == "The store at away has been silent for 0 s. Its keys are elsewhere now."


async def test_a_shard_is_looked_through_aside() -> None:
    line = Moody(fails=AWAY)
    store = Store(line)
    for work in (Shards(store, 256).entries, Shards(store, 256).stream_bytes) * 5:
        with pytest.raises(NoAnswer):
            await work(1)

    assert store.silence is None


async def test_opening_and_closing_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    line = Moody(fails=AWAY)
    store = Store(line)
    await asked(store, times=20)
    line.fails = None
    await asked(store, aside=True)
    await asked(store, times=3)

    said = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert said == [
        (logging.ERROR, "Calls are refused until the store answers, which is tried every second: It is away."),
        (logging.WARNING, "The store has been silent for 0 s. It answers again."),
    ]


class Unreachable(UnixDomainSocketConnection):
    """A connection whose other end does not answer until it is told to."""

    def __init__(self, reached: asyncio.Event) -> None:
        super().__init__()
        self._reached = reached

    async def connect(self) -> None:
        await self._reached.wait()
        raise OSError("it was nothing")


async def test_nobody_waits_longer_for_a_connection_than_for_a_reply() -> None:
    reached = asyncio.Event()
    line = TickLine(lambda: Unreachable(reached), connections=1)
    began = asyncio.get_running_loop().time()
    with pytest.raises(NoAnswer, match=r"no connection within 0\.05 s") as caught:
        await line.run(STORE, ("k",), ("step", "store"), Deadline(0.05))
    took = asyncio.get_running_loop().time() - began
    reached.set()
    await line.aclose()

    assert not caught.value.fate_unknown
    assert took < 0.5

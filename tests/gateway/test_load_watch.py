"""How workers agree on one load: one samples, all read what it published."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction

import httpx
import pytest
import redis

from meter.gateway.calls import CallsInProgress
from meter.gateway.load_watch import FixedLoad, LoadWatch
from meter.ledger.line import open_line
from meter.ledger.load_board import KEY, LoadBoard
from meter.policy.model import LoadSignal
from meter.pricing.quote import CALM
from tests.pricing.make import SURGE
from tests.support.asgi import answering, call, until
from tests.support.metering import POLICY, metered

RULE = replace(SURGE, dwell_seconds=0, capacity=10)
SURGING = POLICY + "adjustments:\n  - {name: surge, load: {above: 0.9, until: 0.8, dwell: 0s}, multiply: 1.5}\n"


class Worker:
    """One worker's watch, beaten by hand."""

    def __init__(self, line, client, rules=(RULE,), signal=None) -> None:
        self.calls = CallsInProgress()
        self.rules = {rule.name: rule for rule in rules}
        self.watch = LoadWatch(LoadBoard(line), lambda: self.rules, calls=self.calls, signal=signal)
        self._client = client

    async def beat(self, calls: int | None = None):
        self.calls.count = self.calls.count if calls is None else calls
        await self.watch.beat(self._client)
        return self.watch.reading()


@asynccontextmanager
async def workers(url, count=2, transport=None, **facts):
    async with open_line(url) as line, httpx.AsyncClient(transport=transport) as client:
        yield [Worker(line, client, **facts) for _ in range(count)]


async def test_calls_in_progress_are_summed_over_all_workers(store_url):
    async with workers(store_url) as (leader, other):
        await leader.beat(4)
        await other.beat(6)
        reading = await leader.beat()

    assert (reading.sample, reading.on) == (1, frozenset({"surge"}))


async def test_a_worker_reads_what_the_leader_published(store_url):
    async with workers(store_url) as (leader, other):
        await leader.beat(10)
        reading = await other.beat(0)

    assert reading.on == {"surge"}


async def test_a_surge_goes_on_above_one_load_and_off_below_another(store_url):
    async with workers(store_url, 1) as (worker,):
        on = [bool((await worker.beat(calls)).on) for calls in (8, 9, 10, 9, 8, 7, 8)]

    assert on == [False, False, True, True, True, False, False]


async def test_another_leader_goes_on_where_the_last_one_left_off(store_url):
    async with workers(store_url) as (first, second):
        await first.beat(8)
        await second.beat(0)
        await second.beat(2)
        await first.beat(8)
        depose(store_url)
        await second.beat(0)
        depose(store_url)
        reading = await first.beat(8)

    assert reading.on == {"surge"}, "0.8 keeps it on, which went on at 1.0"


async def test_what_a_leader_remembers_is_worth_less_than_what_was_published_since(store_url):
    async with workers(store_url) as (first, second):
        await first.beat(10)
        depose(store_url)
        with redis.Redis.from_url(store_url) as client:
            client.hdel(KEY, *[field for field in client.hkeys(KEY) if field.startswith(b"w:")])
        calm = await second.beat(0)
        depose(store_url)
        reading = await first.beat(9)

    assert calm.on == frozenset()
    assert reading.on == frozenset(), "0.9 does not switch on what the second had switched off"


def depose(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.hdel(KEY, "leader")


async def test_a_worker_that_reports_no_more_is_not_counted(store_url):
    async with workers(store_url) as (leader, gone):
        await gone.beat(10)
        with redis.Redis.from_url(store_url) as client:
            field = next(name for name in client.hkeys(KEY) if name.startswith(b"w:"))
            client.hset(KEY, field, "1000 10")
            client.hdel(KEY, "leader")
            reading = await leader.beat(3)
            fields = client.hkeys(KEY)

    assert reading.sample == Fraction(3, 10)
    assert field not in fields


async def test_an_old_reading_is_calm(store_url, monkeypatch):
    async with workers(store_url, 1) as (worker,):
        fresh = await worker.beat(10)
        worker.watch._fresh_until -= 5
        old = worker.watch.reading()

    assert (bool(fresh.on), old) == (True, CALM)


async def test_a_store_that_is_gone_is_no_load_and_no_error(store_url, caplog):
    class Gone:
        async def run(self, script, keys, args, deadline):
            from meter.ledger.promise import LedgerUnavailable

            raise LedgerUnavailable("The store is gone.", fate_unknown=False)

    async with httpx.AsyncClient() as client:
        reading = await Worker(Gone(), client).beat(10)

    assert reading == CALM
    assert caplog.messages == ["The load could not be shared: The store is gone."]


def failing() -> float:
    raise OSError("no sensor")


@pytest.mark.parametrize(
    ("signal", "sample"),
    [
        pytest.param(lambda: 0.95, Fraction("0.95"), id="a load"),
        pytest.param(lambda: 2, Fraction(2), id="a whole number"),
        pytest.param(failing, Fraction(0), id="raises"),
        pytest.param(lambda: float("nan"), Fraction(0), id="nan"),
        pytest.param(lambda: float("inf"), Fraction(0), id="inf"),
        pytest.param(lambda: -1.0, Fraction(0), id="negative"),
        pytest.param(lambda: "busy", Fraction(0), id="no number"),
    ],
)
async def test_the_application_may_say_its_own_load(store_url, signal, sample):
    async with workers(store_url, 1, signal=signal) as (worker,):
        reading = await worker.beat(10)

    assert reading.sample == sample


async def endless():
    while True:
        yield b"1" * 4096


@pytest.mark.parametrize(
    ("answer", "sample"),
    [
        pytest.param(httpx.Response(200, text=" 0.95\n"), Fraction("0.95"), id="a number"),
        pytest.param(httpx.Response(200, text="nan"), Fraction(0), id="nan"),
        pytest.param(httpx.Response(200, text="1e9"), Fraction(0), id="too high"),
        pytest.param(httpx.Response(200, text="busy"), Fraction(0), id="no number"),
        pytest.param(httpx.Response(200, content=b"\xff"), Fraction(0), id="no text"),
        pytest.param(httpx.Response(200, content=endless()), Fraction(0), id="without an end"),
        pytest.param(httpx.Response(500, text="0.95"), Fraction(0), id="an error"),
        pytest.param(httpx.ConnectError("refused"), Fraction(0), id="nobody there"),
    ],
)
async def test_the_load_may_stand_at_a_url(store_url, answer, sample):
    def answered(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    rule = replace(RULE, signal=LoadSignal.URL, url="http://127.0.0.1/load")
    async with workers(store_url, 1, httpx.MockTransport(answered), rules=(rule,)) as (worker,):
        reading = await worker.beat(10)

    assert reading.sample == sample


@pytest.mark.parametrize("signal", [LoadSignal.CPU, LoadSignal.LAG])
async def test_the_load_may_be_the_machines(store_url, signal):
    async with workers(store_url, 1, rules=(replace(RULE, signal=signal),)) as (worker,):
        worker.watch._lag_seconds = 0.25
        reading = await worker.beat(10)

    assert 0 < reading.sample < 1000


async def test_what_a_policy_no_longer_names_is_forgotten(store_url):
    async with workers(store_url, 1) as (worker,):
        before = await worker.beat(10)
        worker.rules = {"rush": replace(RULE, name="rush")}
        after = await worker.beat(10)

    assert (before.on, after.on) == ({"surge"}, {"rush"})


@pytest.mark.parametrize(("load", "on"), [("0.9", False), ("0.91", True)])
def test_a_drill_fixes_the_load(load, on):
    reading = FixedLoad(Fraction(load), lambda: {"surge": SURGE}).reading()

    assert (bool(reading.on), reading.drill, reading.sample) == (on, True, Fraction(load))


async def test_a_surge_reaches_the_price(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, SURGING, load=lambda: 0.95) as here:
        prices = {(await call(here.app)).consumed}

        async def is_dearer():
            prices.add((await call(here.app)).consumed)
            return "8" in prices

        await until(is_dearer)

    assert prices == {"5", "8"}


async def test_calls_are_in_progress_from_their_charge_to_their_end():
    calls = CallsInProgress()
    with calls:
        with calls:
            ended = asyncio.create_task(calls.ended())
            await asyncio.sleep(0)
            during = calls.count
        for _ in range(3):
            await asyncio.sleep(0)
        too_early = ended.done()
    await ended

    assert (during, too_early, calls.count) == (2, False, 0)

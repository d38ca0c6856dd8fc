"""The line: one write a tick, nobody's reply but yours, and sentences where the store cannot."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import redis

from meter.ledger import address, tick_line
from meter.ledger.deadline import Deadline
from meter.ledger.engine import RedisLedger
from meter.ledger.line import Line, open_line
from meter.ledger.promise import Done, LedgerUnavailable
from meter.ledger.scripts import Reply, Script, script
from meter.ledger.tick_line import TickLine
from tests.conftest import STEP_SECONDS
from tests.ledger.books import charged, opened, order, stands
from tests.ledger.proxy import losing

ECHO = script("echo", "#!lua\nreturn ARGV[1]")
SLOW = script("slow", "#!lua\nlocal n = 0 while n < 3e7 do n = n + 1 end return ARGV[1]")


def patient() -> Deadline:
    return Deadline(STEP_SECONDS)


async def test_all_of_one_tick_leaves_in_one_write(store_url: str, tmp_path: Path) -> None:
    async with losing(store_url, tmp_path, lambda _: False) as proxy, open_line(proxy.url) as line:
        await line.run(ECHO, (), ("warm",), patient())
        proxy.written.clear()
        await asyncio.gather(*(line.run(ECHO, (), (str(number),), patient()) for number in range(50)))

        assert [written.count(b"EVALSHA") for written in proxy.written] == [50]


async def test_a_script_that_the_store_forgot_is_sent_again_and_no_other(store_url: str, tmp_path: Path) -> None:
    async with losing(store_url, tmp_path, lambda _: False) as proxy, open_line(proxy.url) as line:
        await line.run(ECHO, (), ("warm",), patient())
        with redis.Redis.from_url(store_url) as client:
            client.script_flush()
            client.script_load("#!lua\nreturn 'other'")
        proxy.written.clear()
        replies = await asyncio.gather(*(line.run(ECHO, (), (str(number),), patient()) for number in range(3)))

        assert replies == ["0", "1", "2"]
        assert [(written.count(b"EVALSHA"), written.count(b"EVAL\r\n")) for written in proxy.written] == [
            (3, 0),
            (0, 3),
        ]


async def test_a_script_whose_reply_is_lost_is_not_written_again_by_the_line(store_url: str, tmp_path: Path) -> None:
    async with losing(store_url, tmp_path, lambda asked: b"once" in asked) as proxy, open_line(proxy.url) as line:
        await line.run(ECHO, (), ("warm",), patient())
        with pytest.raises(LedgerUnavailable) as caught:
            await line.run(ECHO, (), ("once",), patient())

    assert caught.value.fate_unknown
    assert sum(written.count(b"once") for written in proxy.written) == 1


async def test_a_caller_that_stops_waiting_leaves_its_reply_to_nobody(store_url: str) -> None:
    lot = random.Random(7)
    async with open_line(store_url) as line:

        async def ask(number: int) -> None:
            reply = await line.run(ECHO, (), (str(number),), patient())
            assert reply == str(number)

        for _ in range(50):
            tasks = [asyncio.create_task(ask(number)) for number in range(40)]
            for _ in range(lot.randrange(4)):
                await asyncio.sleep(0)
            cancelled = lot.sample(tasks, 20)
            for task in cancelled:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)

            assert all(isinstance(one, asyncio.CancelledError | None) for one in outcomes)
            assert sum(one is None for one in outcomes) >= 20


async def test_a_step_cancelled_before_its_write_never_leaves(store_url: str) -> None:
    async with open_line(store_url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        account = await opened(ledger)
        task = asyncio.create_task(ledger.charge(order(ledger, account)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert (await stands(ledger)).remaining == 100


async def test_a_store_that_is_not_there_is_a_known_fate(tmp_path: Path) -> None:
    async with open_line(f"unix://{tmp_path}/nothing") as line:
        with pytest.raises(LedgerUnavailable, match="The store can't be reached") as caught:
            await line.run(ECHO, (), ("1",), patient())

    assert not caught.value.fate_unknown


async def test_a_store_that_answers_too_late_is_an_unknown_fate(store_url: str) -> None:
    async with open_line(store_url) as line:
        await line.run(ECHO, (), ("warm",), patient())
        with pytest.raises(LedgerUnavailable, match="did not answer: no reply came in time") as caught:
            await line.run(SLOW, (), ("1",), Deadline(0.01))
        reply = await line.run(ECHO, (), ("2",), patient())

    assert caught.value.fate_unknown
    assert reply == "2"


async def test_a_line_with_too_many_waiting_turns_the_next_away(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tick_line, "WAITING_MAX", 5)
    async with open_line(store_url) as line:
        asked = (line.run(ECHO, (), (str(number),), patient()) for number in range(7))
        outcomes = await asyncio.gather(*asked, return_exceptions=True)

    refused = [one for one in outcomes if isinstance(one, LedgerUnavailable)]
    assert len(refused) == 2
    assert all("5 steps wait for it already" in str(one) and not one.fate_unknown for one in refused)


async def test_a_queue_has_a_limit_of_its_own(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meter.ledger.deadline.QUEUE_SECONDS", 0.05)
    line = TickLine(address.read(store_url).connection, connections=1)
    await line.run(ECHO, (), ("warm",), patient())
    slow = asyncio.create_task(line.run(SLOW, (), ("1",), patient()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(LedgerUnavailable, match="no connection became free in time") as caught:
        await line.run(ECHO, (), ("2",), patient())
    await slow
    await line.aclose()

    assert not caught.value.fate_unknown


async def test_a_line_outlives_its_connections(store_url: str) -> None:
    async with open_line(store_url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        account = await opened(ledger)
        with redis.Redis.from_url(store_url) as client:
            client.client_kill_filter(_type="normal", skipme=True)
        outcome = await ledger.charge(order(ledger, account))

    assert isinstance(outcome, Done)


async def test_a_full_store_is_said_to_be_full_and_takes_nothing(store_url: str) -> None:
    async with open_line(store_url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        account = await opened(ledger)
        await charged(ledger, account, 1)
        with redis.Redis.from_url(store_url) as client:
            client.config_set("maxmemory", "1mb")
            try:
                with pytest.raises(LedgerUnavailable, match="it is full; raise its maxmemory, or export") as caught:
                    await ledger.charge(order(ledger, account))
                standing = await stands(ledger)
                trimmed = await ledger.trim(ledger.shard_of("acme"), "1-0")
            finally:
                client.config_set("maxmemory", "0")

    assert not caught.value.fate_unknown
    assert (standing.remaining, trimmed) == (99, 0)


async def test_a_url_of_no_store_is_refused_with_the_fix() -> None:
    with pytest.raises(LedgerUnavailable, match=r"Write unix:///path, redis://host:port, rediss://host:port"):
        async with open_line("http://example.org"):
            pass


class CrossedLine:
    """A line that gives every reply to the next who asks, as a pool once did."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.last: Reply | None = None

    async def run(self, asked: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        reply, self.last = self.last, await self._line.run(asked, keys, args, deadline)
        return reply or self.last

    def place(self, keys: Sequence[str]) -> str:
        return self._line.place(keys)


async def test_a_reply_to_somebody_else_is_refused(store_url: str) -> None:
    async with open_line(store_url) as line:
        account = await opened(await RedisLedger.open(line, step_seconds=STEP_SECONDS))
        crossed = CrossedLine(line)
        ledger = await RedisLedger.open(crossed, step_seconds=STEP_SECONDS)
        crossed.last = None
        await ledger.charge(order(ledger, account))

        with pytest.raises(LedgerUnavailable, match="something else than it was asked") as caught:
            await ledger.charge(order(ledger, account))

    assert caught.value.fate_unknown

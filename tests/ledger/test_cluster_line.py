"""A line to a cluster: to the node that has the keys, after them when they move, and never twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from meter.ledger import address
from meter.ledger.asking import Store
from meter.ledger.deadline import Deadline
from meter.ledger.line import Line, open_line
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.scripts import script
from meter.ledger.slots import ask_owners
from tests.ledger.scripted import HOST, SLOT_LAST, Answer, Scripted, owning, scripted

ECHO = script("echo", "#!lua\nreturn ARGV[1]")
LOW, HIGH = "{c}", "{a}"
"""Keys of slot 7365 and of slot 15495."""
MIDDLE = 8_000
OK = b"$2\r\nok\r\n"


@dataclass
class Pair:
    """Two nodes, a line to both, and what each says to a script."""

    low: Scripted
    high: Scripted
    line: Line
    says: dict[str, Callable[[], bytes | None]]

    async def asked(self, key: str, deadline: Deadline | None = None) -> object:
        return await self.line.run(ECHO, (key,), ("ok",), deadline or Deadline(1.0))

    async def answered(self, key: str) -> object:
        """Ask until an answer comes."""
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(LedgerUnavailable):
                    return await self.asked(key)
                await asyncio.sleep(0.01)

    async def failed(self, key: str, deadline: Deadline | None = None) -> LedgerUnavailable:
        with pytest.raises(LedgerUnavailable) as caught:
            await self.asked(key, deadline)
        return caught.value


@asynccontextmanager
async def paired() -> AsyncIterator[Pair]:
    """Two nodes that share the slots; a script is answered ``ok`` wherever it comes to."""
    says: dict[str, Callable[[], bytes | None]] = {"low": lambda: OK, "high": lambda: OK}
    ports: list[int] = []

    def answering(name: str) -> Answer:
        def answer(command: list[str]) -> bytes | None:
            if command[0] == "CLUSTER":
                return owning((0, MIDDLE, ports[0]), (MIDDLE + 1, SLOT_LAST, ports[1]))
            return b"+OK\r\n" if command[0] == "ASKING" else says[name]()

        return answer

    async with scripted(answering("low")) as low, scripted(answering("high")) as high:
        ports += [low.port, high.port]
        async with open_line(f"redis://{HOST}:{low.port},{HOST}:{high.port}") as line:
            yield Pair(low, high, line, says)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with paired() as both:
        yield both


def moved(to: Scripted, slot: int = 7365) -> Callable[[], bytes]:
    return f"-MOVED {slot} {HOST}:{to.port}\r\n".encode


def asks(of: Scripted, slot: int = 7365) -> Callable[[], bytes]:
    return f"-ASK {slot} {HOST}:{of.port}\r\n".encode


def scripts_of(node: Scripted) -> list[str]:
    return [word for word in node.heard if word != "CLUSTER"]


async def test_a_script_goes_to_the_node_that_has_its_keys(pair: Pair) -> None:
    replies = [await pair.asked(LOW), await pair.asked(HIGH), await pair.asked(HIGH)]

    assert replies == ["ok"] * 3
    assert (scripts_of(pair.low), scripts_of(pair.high)) == (["EVALSHA"], ["EVALSHA"] * 2)


async def test_all_of_one_tick_leaves_in_one_write_a_node(pair: Pair) -> None:
    await asyncio.gather(pair.asked(LOW), pair.asked(HIGH))
    before = pair.low.reads, pair.high.reads
    await asyncio.gather(*(pair.asked(key) for key in (LOW, HIGH) for _ in range(50)))

    assert (pair.low.reads - before[0], pair.high.reads - before[1]) == (1, 1)


async def test_many_who_come_first_look_once_where_the_keys_are(pair: Pair) -> None:
    await asyncio.gather(*(pair.asked(LOW) for _ in range(50)))

    assert (pair.low.heard + pair.high.heard).count("CLUSTER") == 1


async def test_a_script_whose_keys_have_moved_is_sent_after_them_and_the_next_goes_there_at_once(pair: Pair) -> None:
    pair.says["low"] = moved(pair.high)
    replies = [await pair.asked(LOW), await pair.asked(LOW)]

    assert replies == ["ok", "ok"]
    assert len(scripts_of(pair.low)) == 1


async def test_a_script_whose_keys_are_being_handed_over_is_sent_after_them_and_the_next_is_not(pair: Pair) -> None:
    pair.says["low"] = asks(pair.high)
    await pair.asked(LOW)
    pair.says["low"] = lambda: OK
    await pair.asked(LOW)

    assert (scripts_of(pair.low), scripts_of(pair.high)) == (["EVALSHA"] * 2, ["ASKING", "EVALSHA"])


async def test_a_script_that_the_new_node_does_not_know_is_asked_for_anew_with_its_text(pair: Pair) -> None:
    answers = iter([b"-NOSCRIPT No matching script\r\n", OK])
    pair.says |= {"low": asks(pair.high), "high": lambda: next(answers)}
    reply = await pair.asked(LOW)

    assert reply == "ok"
    assert scripts_of(pair.high) == ["ASKING", "EVALSHA", "ASKING", "EVAL"]


async def test_keys_that_are_apart_are_waited_for(pair: Pair) -> None:
    answers = iter([b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n"] * 3 + [OK])
    pair.says["low"] = lambda: next(answers)

    assert await pair.asked(LOW) == "ok"


async def test_keys_that_stay_apart_are_a_known_fate_when_the_time_is_over(pair: Pair) -> None:
    pair.says["low"] = lambda: b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
    refused = await pair.failed(LOW, Deadline(0.1))

    assert (refused.fate_unknown, "is moving the keys" in str(refused)) == (False, True)


async def test_two_nodes_that_send_a_script_to_each_other_are_asked_for_as_long_as_there_is_time(pair: Pair) -> None:
    pair.says |= {"low": moved(pair.high), "high": moved(pair.low)}
    refused = await pair.failed(LOW, Deadline(0.2))

    assert not refused.fate_unknown
    assert len(scripts_of(pair.low) + scripts_of(pair.high)) < 20


async def test_a_script_sent_on_to_a_node_that_is_not_there_was_not_done(pair: Pair) -> None:
    pair.says["low"] = f"-MOVED 7365 {HOST}:1\r\n".encode
    refused = await pair.failed(LOW)

    assert (refused.fate_unknown, "can't be reached" in str(refused)) == (False, True)


async def test_a_script_sent_on_to_a_node_that_says_nothing_may_have_been_done(pair: Pair) -> None:
    pair.says |= {"low": moved(pair.high), "high": lambda: None}
    refused = await pair.failed(LOW)

    assert refused.fate_unknown


async def test_a_script_whose_reply_is_lost_is_not_sent_a_second_time(pair: Pair) -> None:
    pair.says["low"] = lambda: None
    await pair.failed(LOW)

    assert scripts_of(pair.low) + scripts_of(pair.high) == ["EVALSHA"]


async def test_a_step_whose_reply_is_lost_is_asked_again_with_its_id(pair: Pair) -> None:
    answers = iter([None, b"$16\r\nop acme done 7 0\r\n"])
    pair.says["low"] = lambda: next(answers)
    answer = await Store(pair.line, step_seconds=1.0).ask(ECHO, (LOW,), ("op", "acme"))

    assert answer.now == 7


async def test_after_a_dead_node_the_others_are_asked_who_has_its_keys(pair: Pair) -> None:
    await pair.asked(LOW)
    ports = pair.low.port, pair.high.port
    pair.low.answer = lambda _: None
    pair.high.answer = lambda command: owning((0, SLOT_LAST, ports[1])) if command[0] == "CLUSTER" else OK
    lost = await pair.failed(LOW)

    assert lost.fate_unknown
    assert await pair.answered(LOW) == "ok"


async def test_a_cluster_of_which_no_node_answers_is_a_known_fate() -> None:
    async with open_line(f"redis://{HOST}:1,{HOST}:2") as line:
        with pytest.raises(LedgerUnavailable, match="No node tells where the cluster's keys are") as caught:
            await line.run(ECHO, (LOW,), ("ok",), Deadline())

    assert not caught.value.fate_unknown


async def test_a_node_that_knows_no_slots_yet_is_not_believed() -> None:
    async with scripted(lambda _: owning()) as new, scripted(lambda _: owning((0, SLOT_LAST, old.port))) as old:
        store = address.read(f"redis://{HOST}:{new.port},{HOST}:{old.port}")
        told = [await ask_owners(store) for _ in range(20)]

    assert {node for owners in told for node in owners} == {(HOST, old.port)}


async def test_slots_that_nobody_has_are_a_known_fate() -> None:
    async with (
        scripted(lambda _: owning((0, 100, 1))) as node,
        open_line(f"redis://{HOST}:{node.port},{HOST}:1") as line,
    ):
        with pytest.raises(LedgerUnavailable, match="no node of its cluster has these keys") as caught:
            await line.run(ECHO, (LOW,), ("ok",), Deadline())

    assert not caught.value.fate_unknown

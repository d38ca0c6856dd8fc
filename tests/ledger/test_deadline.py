"""A deadline is the store's: a process that was held up reads what has arrived before it gives up."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from meter.ledger import scripts
from meter.ledger.complaints import NoReply
from meter.ledger.deadline import Deadline, Limit
from meter.ledger.line import open_line

SECONDS = 0.2


@dataclass(slots=True)
class Mute:
    """A store that answers one step, when it is told to."""

    url: str
    heard: threading.Event = field(default_factory=threading.Event)
    told: threading.Event = field(default_factory=threading.Event)
    answered: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            self.heard.set()
            self.told.wait()
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(b"$2\r\nhi\r\n")
            self.answered.set()
            connection.recv(4096)


@pytest.fixture
def mute(tmp_path: Path) -> Iterator[Mute]:
    store = Mute(f"unix://{tmp_path}/s")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(f"{tmp_path}/s")
        listener.listen()
        serving = threading.Thread(target=store.serve, args=(listener,))
        serving.start()
        yield store
        store.told.set()
        serving.join()


def held_up(seconds: float) -> None:
    """Keep the loop from its turns."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


async def asked(store: Mute, and_then: Callable[[], None]) -> object:
    """Ask the store one thing, and do another in the loop's thread once it has heard."""
    async with open_line(store.url) as line:
        asking = asyncio.create_task(line.run(scripts.STORE, ("k",), ("a",), Deadline(SECONDS)))
        while not store.heard.is_set():  # noqa: ASYNC110 - the store is a thread
            await asyncio.sleep(0)
        and_then()
        async with asyncio.timeout(SECONDS * 50):
            return await asking


async def test_a_reply_that_came_in_time_is_read_however_late_the_loop_comes_to_it(mute: Mute) -> None:
    def answered_while_nobody_looks() -> None:
        mute.told.set()
        mute.answered.wait()
        held_up(SECONDS)

    assert await asked(mute, answered_while_nobody_looks) == "hi"


async def test_the_store_gets_the_time_back_that_a_loop_came_late_by(mute: Mute) -> None:
    def told_when_all_is_late() -> None:
        held_up(SECONDS * 2)
        asyncio.get_running_loop().call_later(SECONDS / 4, mute.told.set)

    assert await asked(mute, told_when_all_is_late) == "hi"


async def test_a_store_that_says_nothing_is_not_waited_for(mute: Mute) -> None:
    with pytest.raises(NoReply, match="no reply came in time"):
        await asked(mute, lambda: None)


async def test_a_wait_that_ended_leaves_no_limit_behind() -> None:
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    async with Limit(0.001):
        pass
    held_up(0.002)
    for _ in range(10):
        await asyncio.sleep(0)

    assert failed == []

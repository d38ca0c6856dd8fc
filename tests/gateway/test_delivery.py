"""A caller who leaves is noticed while the app looks elsewhere, and the app misses nothing."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.gateway.asgi import Message, Receive, Scope, Send
from meter.gateway.delivery import HangUpWatch
from tests.proxy.wire import served
from tests.support.asgi import GONE, until

PART: Message = {"type": "http.request", "body": b"part", "more_body": True}
LAST: Message = {"type": "http.request", "body": b"last", "more_body": False}
BARE: Message = {"type": "http.request"}


class Caller:
    """The server's side: what the caller did, given to one who asks at a time."""

    def __init__(self, *messages: Message) -> None:
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self.taken = 0
        self.is_asked = False
        self.does(*messages)

    def does(self, *messages: Message) -> None:
        for message in messages:
            self._messages.put_nowait(message)

    async def receive(self) -> Message:
        assert not self.is_asked, "a server is asked by one at a time"
        self.is_asked = True
        try:
            message = await self._messages.get()
        finally:
            self.is_asked = False
        self.taken += 1
        return message


@asynccontextmanager
async def watching(caller: Caller) -> AsyncIterator[HangUpWatch]:
    watch = HangUpWatch(caller.receive)
    try:
        yield watch
    finally:
        await watch.aclose()


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_caller_who_leaves_is_noticed_while_the_app_never_receives():
    caller = Caller(LAST)
    async with watching(caller) as watch:
        watch.start()
        await settled()
        stayed = watch.left
        caller.does(GONE)

        await until(lambda: watch.left)
        assert not stayed


@pytest.mark.parametrize("last", [LAST, BARE])
async def test_who_hangs_up_after_the_body_was_read_is_noticed(last: Message):
    caller = Caller(PART, last)
    async with watching(caller) as watch:
        watch.start()
        read = [await watch.receive(), await watch.receive()]
        caller.does(GONE)

        await until(lambda: watch.left)
        assert read == [PART, last]


@pytest.mark.parametrize("said", [(GONE,), (LAST, GONE), (BARE, GONE)])
async def test_a_hang_up_that_the_server_knows_of_is_told_at_once(said: tuple[Message, ...]):
    async with watching(Caller(*said)) as watch:
        assert await watch.has_left()
        assert [await watch.receive() for _ in said] == list(said)


@pytest.mark.parametrize("said", [(), (PART,), (LAST,), (PART, LAST)])
async def test_a_caller_of_whom_nothing_is_known_has_not_left(said: tuple[Message, ...]):
    async with watching(Caller(*said)) as watch:
        assert not await watch.has_left()
        assert [await watch.receive() for _ in said] == list(said)


async def test_the_app_still_receives_what_was_taken_ahead_in_its_order():
    caller = Caller(LAST, GONE)
    async with watching(caller) as watch:
        watch.start()
        await until(lambda: watch.left)

        assert [await watch.receive() for _ in range(4)] == [LAST, GONE, GONE, GONE]


async def test_of_a_body_that_is_not_read_one_message_is_taken_ahead():
    caller = Caller(PART, PART, PART, LAST, GONE)
    async with watching(caller) as watch:
        watch.start()
        await settled()
        unread = caller.taken
        await watch.receive()
        await settled()

        assert (unread, caller.taken, watch.left) == (1, 2, False)


async def test_nothing_is_taken_before_the_app_or_its_answer_begins():
    caller = Caller(PART, LAST)
    async with watching(caller) as watch:
        await settled()
        untouched = caller.taken
        await watch.receive()
        await settled()

        assert (untouched, caller.taken) == (0, 1)


async def test_a_watch_begins_when_the_app_that_waits_has_its_message():
    caller = Caller()
    async with watching(caller) as watch:
        waits = asyncio.create_task(watch.receive())
        await settled()
        watch.start()
        await settled()
        caller.does(PART)
        got = await waits
        caller.does(GONE)

        await until(lambda: watch.left)
        assert got == PART


async def test_those_who_receive_at_once_get_one_message_each():
    caller = Caller()
    async with watching(caller) as watch:
        watch.start()
        await settled()
        waiting = [asyncio.create_task(watch.receive()) for _ in range(3)]
        await settled()
        caller.does(PART, LAST, GONE)

        assert await asyncio.gather(*waiting) == [PART, LAST, GONE]


@pytest.mark.parametrize("ahead", [True, False])
async def test_who_stops_waiting_takes_no_message_along(ahead: bool):
    caller = Caller()
    async with watching(caller) as watch:
        if ahead:
            watch.start()
        waits = asyncio.create_task(watch.receive())
        await settled()
        waits.cancel()
        await asyncio.wait([waits])
        caller.does(PART, LAST)

        assert [await watch.receive(), await watch.receive()] == [PART, LAST]


async def test_a_watch_goes_on_when_the_app_stops_waiting():
    caller = Caller(LAST)
    async with watching(caller) as watch:
        watch.start()
        await watch.receive()
        waits = asyncio.create_task(watch.receive())
        await settled()
        waits.cancel()
        await asyncio.wait([waits])
        caller.does(GONE)

        await until(lambda: watch.left)


async def test_after_the_end_nobody_asks_the_server_any_more():
    caller = Caller(LAST)
    async with watching(caller) as watch:
        watch.start()
        await until(lambda: caller.taken == 1 and caller.is_asked)
        await watch.aclose()
        idle = not caller.is_asked
        received = await watch.receive()
        await settled()

        assert (idle, received, caller.is_asked) == (True, LAST, False)


async def test_a_closed_watch_does_not_begin_again_when_there_is_room():
    caller = Caller(PART)
    async with watching(caller) as watch:
        watch.start()
        await until(lambda: caller.taken == 1)
        await watch.aclose()
        received = await watch.receive()
        await settled()

        assert (received, caller.is_asked) == (PART, False)


async def test_what_a_server_fails_with_when_nobody_receives_is_no_error_of_the_loop():
    async def fails() -> Message:
        raise ConnectionError("the server is broken")

    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    watch = HangUpWatch(fails)
    watch.start()
    await settled()
    await watch.aclose()
    del watch
    gc.collect()

    assert complaints == []


async def test_a_closed_watch_still_passes_on_what_comes():
    caller = Caller()
    async with watching(caller) as watch:
        watch.start()
        await until(lambda: caller.is_asked)
        await watch.aclose()
        caller.does(PART, GONE)

        assert [await watch.receive(), await watch.receive()] == [PART, GONE]
        assert watch.left


async def test_a_watch_goes_on_when_the_app_stops_waiting_that_waited_first():
    caller = Caller()
    async with watching(caller) as watch:
        waits = asyncio.create_task(watch.receive())
        await settled()
        watch.start()
        waits.cancel()
        await asyncio.wait([waits])
        caller.does(GONE)

        await until(lambda: watch.left)


async def test_a_server_that_fails_is_asked_again_by_the_app_alone():
    asked = 0

    async def fails() -> Message:
        nonlocal asked
        asked += 1
        raise ConnectionError("the server is broken")

    watch = HangUpWatch(fails)
    watch.start()
    await settled()
    by_the_watch = asked

    with pytest.raises(ConnectionError, match="broken"):
        await watch.receive()
    await watch.aclose()
    assert (by_the_watch, asked) == (1, 2)


ACTIONS = st.sampled_from(["comes", "receive", "receive", "cancel", "watch", "tick", "tick"])


@given(st.lists(ACTIONS, max_size=40), st.integers(0, 4), st.booleans())
def test_whatever_the_app_does_nothing_is_lost_or_taken_too_early(actions: list[str], parts: int, ends: bool):
    asyncio.run(played(actions, parts, ends))


async def played(actions: list[str], parts: int, ends: bool) -> None:
    """Let app and caller act in this order; look at all that is promised after each step."""
    coming = [{**PART, "body": b"%d" % number} for number in range(parts)] + ([LAST] if ends else []) + [GONE]
    sent, got = list(coming), []
    caller = Caller()
    waiting: list[asyncio.Task[Message]] = []
    async with watching(caller) as watch:
        for action in actions:
            match action:
                case "comes" if coming:
                    caller.does(coming.pop(0))
                case "receive":
                    waiting.append(asyncio.create_task(watch.receive()))
                case "cancel" if waiting:
                    waiting.pop().cancel()
                case "watch":
                    watch.start()
                case "tick":
                    await asyncio.sleep(0)
            got += done(waiting)
            unread = [message for message in sent[len(got) : caller.taken] if message != GONE]
            assert len(unread) <= 1 + len(waiting)
        for task in waiting:
            task.cancel()
        await settled()
        got += done(waiting)
        caller.does(*coming)
        while len(got) < len(sent):
            got.append(await watch.receive())

    assert got[: len(sent)] == sent
    assert got[len(sent) :] == [GONE] * (len(got) - len(sent))
    assert watch.left


def done(waiting: list[asyncio.Task[Message]]) -> list[Message]:
    """What those received who are done, in the order in which they asked."""
    finished = [task for task in waiting if task.done()]
    waiting[:] = [task for task in waiting if not task.done()]
    return [task.result() for task in finished if not task.cancelled()]


class Streaming:
    """An app that streams until it is told to stop, and never receives."""

    def __init__(self) -> None:
        self.watch: HangUpWatch | None = None
        self.enough = asyncio.Event()
        self.is_over = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.watch = HangUpWatch(receive)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.watch.start()
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await self.enough.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        await self.watch.aclose()
        self.is_over = True


REQUESTS = [
    pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", id="without-a-body"),
    pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", id="with-a-body-that-nobody-reads"),
]


@pytest.mark.parametrize("request_", REQUESTS)
async def test_over_a_socket_a_hang_up_is_noticed_while_the_app_streams(request_: bytes):
    app = Streaming()
    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        await reader.readuntil(b"begun")
        assert app.watch is not None
        stayed = app.watch.left
        writer.close()

        await until(lambda: app.watch is not None and app.watch.left)
        app.enough.set()
        await until(lambda: app.is_over)
        assert not stayed


async def test_over_a_socket_no_body_is_asked_for_that_the_app_does_not_read():
    app = Streaming()
    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        answer = await reader.readuntil(b"begun")
        app.enough.set()
        await until(lambda: app.is_over)
        writer.close()

    assert answer.startswith(b"HTTP/1.1 200")

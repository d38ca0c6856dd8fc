"""Handshakes, frames and clients that misbehave, at our own server, over real sockets with shorter deadlines."""

import asyncio
import time

import pytest
from uvicorn.server import ServerState

from meter.gateway.serving import ClientLimits
from tests.proxy.sockets import (
    BINARY,
    CLOSE,
    CONTINUED,
    KEY,
    PING,
    PONG,
    TEXT,
    dialled,
    frame,
    handshake,
    opened,
    read_frame,
)
from tests.proxy.test_relay import MIB, resident_bytes
from tests.proxy.wire import WAIT_SECONDS_MAX, connected, served, until

SHORT = 0.3


class App:
    """Accepts, says what it hears, and notes how it ended."""

    def __init__(self, *, speaks: bool = True) -> None:
        self.speaks = speaks
        self.scopes = []
        self.heard = []
        self.goodbye = None
        self.done = asyncio.Event()

    async def __call__(self, scope, receive, send):
        self.scopes.append(scope)
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body"})
            return
        assert await receive() == {"type": "websocket.connect"}
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            said = message.get("text", message.get("bytes"))
            self.heard.append(said)
            if self.speaks:
                await send({"type": "websocket.send", "text" if isinstance(said, str) else "bytes": said})
        self.goodbye = message
        self.done.set()


async def closed_with(client) -> tuple[int, str]:
    """The code and the reason of the close frame that comes, after whatever comes before it."""
    opcode, payload = await read_frame(client)
    while opcode != CLOSE:
        opcode, payload = await read_frame(client)
    return (int.from_bytes(payload[:2], "big"), payload[2:].decode()) if payload else (1005, "")


async def test_the_scope_says_what_asgi_wants_and_what_was_sent():
    app = App()
    async with served(app) as port, connected(port) as client:
        await client.send(handshake(b"/a%2Fb/%7E?x=%20", (b"Sec-WebSocket-Protocol", b"a, b"), (b"X-oDd", b"1")))
        await client.answer(head_only=True)
    scope = app.scopes[0]

    assert {name: scope[name] for name in ("type", "asgi", "http_version", "scheme", "path", "raw_path")} == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/a/b/~",
        "raw_path": b"/a%2Fb/%7E",
    }
    assert (scope["query_string"], scope["subprotocols"]) == (b"x=%20", ["a", "b"])
    assert (b"x-odd", b"1") in scope["headers"]
    assert scope["extensions"]["meter.head"]["target"] == b"/a%2Fb/%7E?x=%20"
    assert b"X-oDd" in scope["extensions"]["meter.head"]["names"]
    assert "method" not in scope


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param(handshake(key=b"short"), 400, id="a key that is none"),
        pytest.param(handshake(version=b"8"), 400, id="another version"),
        pytest.param(handshake().replace(b"Sec-WebSocket-Key", b"X-Key"), 400, id="no key"),
        pytest.param(handshake(b"/", (b"Sec-WebSocket-Key", KEY)), 400, id="two keys"),
        pytest.param(handshake(b"/", (b"Content-Length", b"3")) + b"abc", 400, id="a body"),
        pytest.param(handshake(b"/", (b"X", b"a" * 70_000)), 431, id="a long head"),
        pytest.param(handshake(b"/", (b"Host", b"b")), 400, id="two hosts"),
    ],
)
async def test_a_handshake_that_is_none_is_refused_and_never_a_call(raw, status):
    app = App()
    async with served(app) as port, connected(port) as client:
        client.writer.write(raw)
        answer = await client.answer()

    assert (answer.status, app.scopes) == (status, [])


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(handshake().replace(b"GET", b"POST"), id="another method"),
        pytest.param(handshake().replace(b"HTTP/1.1", b"HTTP/1.0"), id="an older version"),
        pytest.param(handshake().replace(b"keep-alive, Upgrade", b"keep-alive"), id="no connection option"),
        pytest.param(handshake().replace(b"websocket", b"h2c"), id="another protocol"),
    ],
)
async def test_a_request_that_asks_for_something_else_stays_a_request(raw):
    app = App()
    async with served(app) as port, connected(port) as client:
        await client.send(raw)
        answer = await client.answer()

    assert (answer.status, app.scopes[0]["type"]) == (204, "http")


async def test_a_handshake_behind_a_call_that_runs_stays_a_request():
    types, go_on = [], asyncio.Event()

    async def app(scope, receive, send):
        types.append(scope["type"])
        await go_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with served(app) as port, connected(port) as client:
        await client.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + handshake())
        go_on.set()
        statuses = [(await client.answer(head_only=True)).status for _ in range(2)]

    assert (types, statuses) == (["http", "http"], [204, 204])


async def test_a_handshake_after_a_call_opens_a_socket():
    app = App()
    async with served(app) as port, connected(port) as client:
        await client.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
        first = await client.answer(head_only=True)
        await opened(client)
        await client.send(frame(TEXT, b"hello"))
        said = await read_frame(client)

    assert (first.status, said) == (204, (TEXT, b"hello"))


@pytest.mark.parametrize("together", [True, False], ids=["with its handshake", "after it"])
async def test_a_client_that_speaks_before_it_is_answered_is_cut(together):
    asked = asyncio.Event()

    async def app(scope, receive, send):
        asked.set()
        await receive()
        seen.append(await receive())

    seen = []
    async with served(app) as port, connected(port) as client:
        if together:
            await client.send(handshake() + frame(TEXT, b"early"))
        else:
            await client.send(handshake())
            await asyncio.wait_for(asked.wait(), WAIT_SECONDS_MAX)
            await client.send(frame(TEXT, b"early"))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.reader.readexactly(1)
        await until(lambda: together or seen)

    assert asked.is_set() is not together
    assert [message["code"] for message in seen] == ([] if together else [1006])


async def test_a_message_in_fragments_is_one_message():
    app = App()
    async with served(app) as port, connected(port) as client:
        await opened(client)
        await client.send(frame(TEXT, "é".encode()[:1], fin=False))
        await client.send(frame(PING, b"between") + frame(CONTINUED, b"", fin=False))
        await client.send(frame(CONTINUED, "é".encode()[1:] + b"!"))
        pong, said = await read_frame(client), await read_frame(client)

    assert (pong, said, app.heard) == ((PONG, b"between"), (TEXT, "é!".encode()), ["é!"])


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param(frame(TEXT, b"\xff"), 1007, id="a text that is no UTF-8"),
        pytest.param(frame(TEXT, b"\xc3", fin=False) + frame(CONTINUED, b"("), 1007, id="a fragment that breaks it"),
        pytest.param(frame(TEXT, b"x", masked=False), 1002, id="no mask"),
        pytest.param(frame(CONTINUED, b"x"), 1002, id="the end of nothing"),
        pytest.param(frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002, id="a message in a message"),
        pytest.param(frame(3, b"x"), 1002, id="an opcode that is none"),
        pytest.param(frame(PING, b"x" * 126), 1002, id="a long ping"),
        pytest.param(frame(PING, b"x", fin=False), 1002, id="half a ping"),
        pytest.param(frame(CLOSE, b"\x03"), 1002, id="half a close code"),
        pytest.param(frame(CLOSE, (1005).to_bytes(2, "big")), 1002, id="a close code that is never sent"),
        pytest.param(frame(0x41, b"x"), 1002, id="a bit of an extension"),
        pytest.param(frame(TEXT, length=1001), 1009, id="a frame above the limit"),
        pytest.param(
            frame(BINARY, b"x" * 1000, fin=False) + frame(CONTINUED, b"x"), 1009, id="fragments above the limit"
        ),
    ],
)
async def test_what_is_no_websocket_ends_it_by_the_code_of_the_standard(raw, code):
    app = App()
    async with served(app, ClientLimits(message_bytes_max=1000)) as port, connected(port) as client:
        await opened(client)
        await client.send(frame(TEXT, b"fine"))
        await read_frame(client)
        await client.send(raw)
        told, _ = await closed_with(client)
        await asyncio.wait_for(app.done.wait(), WAIT_SECONDS_MAX)

    assert told == app.goodbye["code"] == code
    assert app.heard == ["fine"]


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_a_message_of_a_mib_is_within_the_limit_and_one_more_byte_is_not(opcode):
    app = App()
    async with served(app) as port, connected(port) as client:
        await opened(client)
        await client.send(frame(opcode, b"x" * MIB))
        said = await read_frame(client)
        client.writer.write(frame(opcode, b"x" * (MIB + 1)))
        code, _ = await closed_with(client)

    assert (said, code, len(app.heard)) == ((opcode, b"x" * MIB), 1009, 1)


async def test_what_comes_before_a_goodbye_is_heard_and_what_comes_after_is_not():
    app = App(speaks=False)
    async with served(app) as port, connected(port) as client:
        await opened(client)
        await client.send(frame(TEXT, b"a") + frame(TEXT, b"b") + frame(CLOSE, b"\x03\xe8bye") + frame(TEXT, b"c"))
        goodbye = await closed_with(client)
        await asyncio.wait_for(app.done.wait(), WAIT_SECONDS_MAX)

    assert app.heard == ["a", "b"]
    assert app.goodbye == {"type": "websocket.disconnect", "code": 1000, "reason": "bye"}
    assert goodbye == (1000, "bye")


async def test_300000_empty_fragments_are_nothing():
    app = App()
    async with served(app) as port, connected(port) as client:
        await opened(client)
        await client.send(frame(TEXT, b"a", fin=False))
        before = resident_bytes()
        for _ in range(30):
            await client.send(frame(CONTINUED, fin=False) * 10_000)
        await client.send(frame(PING))
        await read_frame(client)
        grown = resident_bytes() - before
        await client.send(frame(CONTINUED, b"z"))
        said = await read_frame(client)

    assert grown < 8 * MIB
    assert said == (TEXT, b"az")


async def test_pings_of_one_who_does_not_read_do_not_pile_up():
    sent = 0

    async def pour(client):
        nonlocal sent
        pings = frame(PING, b"x" * 125) * 500
        while True:
            await client.send(pings)
            sent += len(pings)

    app = App()
    async with served(app) as port, connected(port, receive_bytes=4096) as client:
        await opened(client)
        client.writer.transport.pause_reading()
        before = resident_bytes()
        pouring = asyncio.create_task(pour(client))
        last = -1
        while sent != last and sent < 64 * MIB:
            last = sent
            await asyncio.sleep(0.3)
        grown = resident_bytes() - before
        pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)

    assert sent < 24 * MIB, "the kernel's own buffers take some of it"
    assert grown < 8 * MIB


async def test_a_client_that_answers_no_ping_is_cut():
    app = App()
    async with served(app, ClientLimits(reader_idle_seconds=SHORT)) as port, connected(port) as client:
        await opened(client)
        began = time.monotonic()
        opcode, _ = await read_frame(client)
        goodbye = await closed_with(client)
        seconds = time.monotonic() - began
        await asyncio.wait_for(app.done.wait(), WAIT_SECONDS_MAX)

    assert opcode == PING
    assert goodbye == (1011, "no answer to our pings")
    assert SHORT * 0.9 <= seconds < SHORT * 1.2 + 0.5
    assert app.goodbye["code"] == 1006


async def test_a_client_that_takes_nothing_is_cut():
    ended = asyncio.Event()

    async def pour(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "bytes": b"x" * 65536})
        except OSError:
            ended.set()

    async def chatter(client):
        while True:
            await client.send(frame(PONG))
            await asyncio.sleep(SHORT / 10)

    limits = ClientLimits(reader_idle_seconds=SHORT)
    async with served(pour, limits) as port, connected(port, receive_bytes=4096) as client:
        await opened(client)
        client.writer.transport.pause_reading()
        chattering = asyncio.create_task(chatter(client))
        await asyncio.wait_for(ended.wait(), WAIT_SECONDS_MAX)
        chattering.cancel()
        await asyncio.gather(chattering, return_exceptions=True)


async def test_a_client_that_never_says_goodbye_is_cut_when_the_app_has():
    async def leave(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4000, "reason": "enough"})
        seen.append(await receive())

    seen = []
    limits = ClientLimits(reader_idle_seconds=SHORT)
    async with served(leave, limits) as port, connected(port) as client:
        await opened(client)
        goodbye = await closed_with(client)
        began = time.monotonic()
        rest = await client.rest()
        seconds = time.monotonic() - began

    assert (goodbye, rest) == ((4000, "enough"), b"")
    assert SHORT * 0.9 <= seconds < SHORT * 1.2 + 0.5
    assert seen == [{"type": "websocket.disconnect", "code": 4000, "reason": "enough"}]


async def test_what_is_said_after_the_apps_goodbye_is_not_heard():
    async def leave(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        seen.append(await receive())
        await send({"type": "websocket.close"})
        seen.append(await receive())

    seen = []
    async with served(leave) as port, connected(port) as client:
        await opened(client)
        await client.send(frame(TEXT, b"first") + frame(TEXT, b"second"))
        await closed_with(client)
        await until(lambda: len(seen) == 2)

    assert [message["type"] for message in seen] == ["websocket.receive", "websocket.disconnect"]


async def test_a_slow_reader_has_all_that_was_said_before_the_goodbye():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": b"x" * (8 * MIB)})
        await send({"type": "websocket.close"})

    limits = ClientLimits(reader_idle_seconds=SHORT)
    async with served(app, limits) as port, connected(port, receive_bytes=4096) as client:
        await opened(client)
        began = time.monotonic()
        came = b""
        while piece := await client.reader.read(256 * 1024):
            came += piece
            await asyncio.sleep(SHORT / 20)
        seconds = time.monotonic() - began

    assert seconds > SHORT * 1.5
    assert came == frame(BINARY, b"x" * (8 * MIB), masked=False) + frame(CLOSE, b"\x03\xe8", masked=False)


@pytest.mark.parametrize(
    ("act", "status"),
    [
        pytest.param(None, 500, id="returns"),
        pytest.param(ValueError("broken"), 500, id="raises"),
        pytest.param({"type": "websocket.close"}, 403, id="closes"),
    ],
)
async def test_an_app_that_never_accepts_denies(act, status):
    async def app(scope, receive, send):
        if isinstance(act, Exception):
            raise act
        if act is not None:
            await send(act)

    async with served(app) as port, connected(port) as client:
        await client.send(handshake())
        answer = await client.answer()

    assert answer.status == status


@pytest.mark.parametrize(("act", "code"), [(None, 1000), (ValueError("broken"), 1011)], ids=["returns", "raises"])
async def test_an_app_that_ends_ends_its_socket(act, code):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        if act is not None:
            raise act

    async with served(app) as port, connected(port) as client:
        await opened(client)
        told, _ = await closed_with(client)

    assert told == code


async def test_a_denial_is_sent_piece_by_piece():
    async def app(scope, receive, send):
        headers = [(b"content-length", b"6"), (b"x-why", b"age")]
        await send({"type": "websocket.http.response.start", "status": 451, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"not", "more_body": True})
        await go_on.wait()
        await send({"type": "websocket.http.response.body", "body": b"yet"})

    go_on = asyncio.Event()
    async with served(app) as port, connected(port) as client:
        await client.send(handshake())
        early = await client.reader.readuntil(b"\r\n\r\nnot")
        go_on.set()
        late = await client.rest()

    assert early.startswith(b"HTTP/1.1 451 ")
    assert b"x-why: age\r\n" in early
    assert late == b"yet"


async def test_an_app_that_speaks_out_of_turn_is_told():
    async def app(scope, receive, send):
        for kind in ("websocket.send", "http.response.start", "websocket.http.response.body"):
            with pytest.raises(RuntimeError, match=kind):
                await send({"type": kind})
        await send({"type": "websocket.accept"})
        with pytest.raises(RuntimeError, match=r"websocket\.accept"):
            await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})
        with pytest.raises(RuntimeError, match="over"):
            await send({"type": "websocket.send", "text": "late"})
        told.set()

    told = asyncio.Event()
    async with served(app) as port, connected(port) as client:
        await opened(client)
        await asyncio.wait_for(told.wait(), WAIT_SECONDS_MAX)


async def test_a_server_that_stops_says_so_to_both_sides():
    app, state = App(), ServerState()
    async with served(app, state=state) as port, dialled(port) as socket:
        await socket.send("hello")
        await socket.recv()
        for connection in tuple(state.connections):
            connection.shutdown()
        await socket.wait_closed()
        await asyncio.wait_for(app.done.wait(), WAIT_SECONDS_MAX)

    assert (socket.close_code, socket.close_reason) == (1012, "the server stops")
    assert (app.goodbye["code"], app.goodbye["meter.stopped"]) == (1012, True)


async def test_a_server_that_stops_refuses_a_handshake_that_waits():
    async def app(scope, receive, send):
        seen.append(await receive())
        seen.append(await receive())
        with pytest.raises(OSError, match="1006"):
            await send({"type": "websocket.accept"})
        told.set()

    seen, told, state = [], asyncio.Event(), ServerState()
    async with served(app, state=state) as port, connected(port) as client:
        await client.send(handshake())
        await until(lambda: len(seen) == 1)
        for connection in tuple(state.connections):
            connection.shutdown()
        answer = await client.answer()
        await asyncio.wait_for(told.wait(), WAIT_SECONDS_MAX)

    assert answer.status == 503
    assert (seen[1]["code"], seen[1]["meter.stopped"]) == (1006, True)


async def test_a_callers_own_goodbye_is_never_taken_for_a_server_that_stops():
    app = App()
    async with served(app) as port, dialled(port) as socket:
        await socket.close(1012, "the server stops")
        await asyncio.wait_for(app.done.wait(), WAIT_SECONDS_MAX)

    assert app.goodbye == {"type": "websocket.disconnect", "code": 1012, "reason": "the server stops"}

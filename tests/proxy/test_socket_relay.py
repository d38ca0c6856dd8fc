"""WebSockets through the proxy, over real sockets: messages, handshakes, goodbyes, hang-ups and slow readers."""

import asyncio
import os

import pytest

from meter.gateway.httpx_upstream import UpstreamLimits
from meter.gateway.serving import ClientLimits
from meter.gateway.socket_relay import SocketRelay
from meter.gateway.upstream import Handshake
from tests.proxy.sockets import accepted, dialled, echo, ended, handshake, listen, upstream_of
from tests.proxy.test_relay import MIB, resident_bytes, stalled
from tests.proxy.wire import WAIT_SECONDS_MAX, connected, proxied, raw_upstream, until

MESSAGES = [
    pytest.param("plain", id="text"),
    pytest.param("", id="an empty text"),
    pytest.param("é\0\U0001f600 \n\u2028", id="a text of odd letters"),
    pytest.param(b"", id="empty bytes"),
    pytest.param(bytes(range(256)), id="every byte"),
    pytest.param(os.urandom(MIB), id="a MiB of bytes"),
    pytest.param("x" * MIB, id="a MiB of text"),
]


@pytest.mark.parametrize("message", MESSAGES)
async def test_a_message_passes_both_ways_as_it_was_written(message):
    async with upstream_of(echo) as upstream, proxied(upstream.url) as port, dialled(port) as socket:
        await socket.send(message)
        said = await asyncio.wait_for(socket.recv(), WAIT_SECONDS_MAX)

    assert said == message
    assert type(said) is type(message)


async def test_many_messages_keep_their_order_both_ways_at_once():
    async def talk(socket):
        async def pour():
            for number in range(2000):
                await socket.send(f"back {number}")

        pouring = asyncio.create_task(pour())
        heard.extend([await socket.recv() for _ in range(2000)])
        await pouring

    heard = []
    async with upstream_of(talk) as upstream, proxied(upstream.url) as port, dialled(port) as socket:

        async def pour():
            for number in range(2000):
                await socket.send(f"out {number}")

        pouring = asyncio.create_task(pour())
        said = [await socket.recv() for _ in range(2000)]
        await pouring
        await asyncio.wait_for(upstream.ended.wait(), WAIT_SECONDS_MAX)

    assert said == [f"back {number}" for number in range(2000)]
    assert heard == [f"out {number}" for number in range(2000)]


GOODBYES = [
    pytest.param(1000, "", id="without a reason"),
    pytest.param(1000, "goodbye", id="with a reason"),
    pytest.param(1001, "going away", id="going away"),
    pytest.param(1008, "é" * 61, id="the longest reason"),
    pytest.param(1011, "failed", id="an error"),
    pytest.param(1012, "restart", id="a restart"),
    pytest.param(3000, "registered", id="registered"),
    pytest.param(4999, "private", id="private"),
]


@pytest.mark.parametrize(("code", "reason"), GOODBYES)
async def test_the_upstreams_goodbye_passes(code, reason):
    async def leave(socket):
        await socket.send("last")
        await socket.close(code, reason)

    async with upstream_of(leave) as upstream, proxied(upstream.url) as port, dialled(port) as socket:
        said = await socket.recv()
        goodbye = await ended(socket)

    assert (said, goodbye) == ("last", (code, reason))


@pytest.mark.parametrize(("code", "reason"), GOODBYES)
async def test_the_callers_goodbye_passes_after_its_last_message(code, reason):
    async def note(socket):
        while True:
            heard.append(await socket.recv())

    heard = []
    async with upstream_of(note) as upstream, proxied(upstream.url) as port, dialled(port) as socket:
        await socket.send("last")
        await socket.close(code, reason)
        await asyncio.wait_for(upstream.ended.wait(), WAIT_SECONDS_MAX)

    assert heard == ["last"]
    assert upstream.closed == [(code, reason)]
    assert socket.close_code == code


async def test_a_goodbye_without_a_code_passes_without_one():
    async def leave(socket):
        socket.protocol.send_close()
        socket.send_data()
        await socket.wait_closed()

    async with upstream_of(leave) as upstream, proxied(upstream.url) as port, dialled(port) as socket:
        back = await ended(socket)
    async with upstream_of(listen) as upstream, proxied(upstream.url) as port, dialled(port) as socket:
        socket.protocol.send_close()
        socket.send_data()
        await asyncio.wait_for(upstream.ended.wait(), WAIT_SECONDS_MAX)

    assert back == (1005, "")
    assert upstream.closed == [(1005, "")]


async def test_a_caller_that_is_lost_is_lost_to_the_upstream():
    async with upstream_of(echo) as upstream, proxied(upstream.url) as port, dialled(port) as socket:
        await socket.send("hello")
        await socket.recv()
        socket.transport.abort()
        await asyncio.wait_for(upstream.ended.wait(), WAIT_SECONDS_MAX)

    assert upstream.closed == [(1006, "")]


async def test_an_upstream_that_is_lost_is_told_as_a_bad_gateway():
    async def vanish(socket):
        await socket.recv()
        socket.transport.abort()

    async with upstream_of(vanish) as upstream, proxied(upstream.url) as port, dialled(port) as socket:
        await socket.send("hello")
        goodbye = await ended(socket)

    assert goodbye == (1014, "the service broke off")


async def test_the_handshake_arrives_as_it_was_sent_but_for_what_is_of_one_connection():
    async def open_one(request, _reader, writer):
        key = request.all(b"sec-websocket-key")[0]
        writer.write(accepted(key, (b"Sec-WebSocket-Protocol", b"chat.v2"), (b"X-Own", b"1"), (b"Set-Cookie", b"a=b")))

    asked = handshake(
        b"/v1/%7Bx%7D?a=%20&b",
        (b"X-API-Key", b"mk_" + b"a" * 45),
        (b"Authorization", b"Basic eDp5"),
        (b"X-oDd", b"  spaced"),
        (b"Cookie", b"c=1"),
        (b"Origin", b"https://site.example"),
        (b"Sec-WebSocket-Protocol", b"chat.v1, chat.v2"),
        (b"Sec-WebSocket-Extensions", b"permessage-deflate"),
        (b"X-Forwarded-For", b"6.6.6.6"),
        (b"X-HTTP-Method-Override", b"DELETE"),
        (b"Credits-Usage", b"tokens=0"),
    )
    async with raw_upstream(open_one) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(asked)
        answer = await client.answer(head_only=True)
    sent = upstream.seen[0]
    ours = [pair for pair in sent.headers if pair[0] == b"Sec-WebSocket-Key"]

    assert sent.line == b"GET /v1/%7Bx%7D?a=%20&b HTTP/1.1"
    assert sent.headers == [
        (b"Host", upstream.url.removeprefix("http://").encode()),
        (b"Authorization", b"Basic eDp5"),
        (b"X-oDd", b"spaced"),
        (b"Cookie", b"c=1"),
        (b"Origin", b"https://site.example"),
        (b"Sec-WebSocket-Protocol", b"chat.v1, chat.v2"),
        (b"X-Forwarded-For", b"127.0.0.1"),
        (b"X-Forwarded-Proto", b"http"),
        (b"X-Forwarded-Host", b"api.example"),
        (b"Connection", b"Upgrade"),
        (b"Upgrade", b"websocket"),
        *ours,
        (b"Sec-WebSocket-Version", b"13"),
    ]
    assert len(ours) == 1
    assert answer.status == 101
    assert answer.all(b"sec-websocket-protocol") == [b"chat.v2"]
    assert answer.all(b"sec-websocket-extensions") == []
    assert (answer.all(b"x-own"), answer.all(b"set-cookie")) == ([b"1"], [b"a=b"])
    assert answer.all(b"sec-websocket-accept") == [b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        pytest.param(b"HTTP/1.1 403 No\r\nContent-Length: 4\r\nX-Why: age\r\n\r\nwhy?", 403, b"why?", id="forbidden"),
        pytest.param(b"HTTP/1.1 401 No\r\nX-Why: age\r\n\r\nto the end", 401, b"to the end", id="to the end"),
        pytest.param(
            b"HTTP/1.1 429 No\r\nX-Why: age\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwhy\r\n1\r\n?\r\n0\r\n\r\n",
            429,
            b"why?",
            id="in chunks",
        ),
        pytest.param(
            b"HTTP/1.1 302 Found\r\nX-Why: age\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n", 302, b"", id="redirect"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Why: age\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", id="no socket here"),
    ],
)
async def test_a_handshake_that_the_upstream_denies_is_denied_in_its_words(raw, status, body):
    async def deny(_request, _reader, writer):
        writer.write(raw)
        writer.close()

    async with raw_upstream(deny) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(handshake())
        answer = await client.answer()
        rest = await client.rest()

    assert (answer.status, answer.body, answer.all(b"x-why"), rest) == (status, body, [b"age"], b"")
    assert len(upstream.seen) == 1


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", id="no upgrade"),
        pytest.param(accepted(b"another"), id="another's key"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n", id="no final answer"),
        pytest.param(b"SSH-2.0-x\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nhalf", id="half an answer"),
        pytest.param(b"HTTP/1.1 403 No\r\nContent-Length: 9999999\r\n\r\n", id="an endless answer"),
    ],
)
async def test_an_upstream_that_gives_no_answer_is_told_as_502(raw):
    async def misbehave(_request, _reader, writer):
        writer.write(raw)
        writer.close()

    async with raw_upstream(misbehave) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(handshake())
        answer = await client.answer()

    assert answer.status == 502


@pytest.mark.parametrize("target", [b"http://api.example/v1", b"/v1#/else", b"/v1?a#b"])
async def test_a_handshake_whose_target_is_more_than_a_path_and_a_query_is_refused(target):
    async with raw_upstream() as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(handshake(target))
        answer = await client.answer()

    assert (answer.status, upstream.seen) == (400, [])


@pytest.mark.parametrize("header", [b"chat.v3", b"chat.v1, chat.v2"])
async def test_a_subprotocol_that_was_not_offered_is_told_as_502(header):
    async def choose(request, _reader, writer):
        writer.write(accepted(request.all(b"sec-websocket-key")[0], (b"Sec-WebSocket-Protocol", header)))

    async with raw_upstream(choose) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(handshake(b"/", (b"Sec-WebSocket-Protocol", b"chat.v1, chat.v2")))
        answer = await client.answer()

    assert answer.status == 502


async def test_an_upstream_that_is_not_there_is_told_as_502():
    async with proxied("http://127.0.0.1:1") as port, connected(port) as client:
        await client.send(handshake())
        answer = await client.answer()

    assert answer.status == 502


async def test_an_upstream_that_does_not_answer_in_time_is_told_as_504():
    async def wait(_request, reader, _writer):
        await reader.read()
        raise ConnectionError

    limits = UpstreamLimits(answer_seconds=0.2)
    async with (
        raw_upstream(wait) as upstream,
        proxied(upstream.url, upstream_limits=limits) as port,
        connected(port) as client,
    ):
        await client.send(handshake())
        answer = await client.answer()
        await asyncio.wait_for(upstream.lost.wait(), WAIT_SECONDS_MAX)

    assert answer.status == 504


async def test_a_caller_that_leaves_during_the_handshake_ends_it_upstream():
    async def wait(_request, reader, _writer):
        asked.set()
        await reader.read()
        raise ConnectionError

    asked = asyncio.Event()
    async with raw_upstream(wait) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(handshake())
        await asyncio.wait_for(asked.wait(), WAIT_SECONDS_MAX)
        client.hang_up()
        await asyncio.wait_for(upstream.lost.wait(), WAIT_SECONDS_MAX)


async def test_a_caller_that_reads_slowly_slows_the_upstream_and_nothing_piles_up():
    async def pour(socket):
        nonlocal sent
        while True:
            await socket.send(b"x" * 65536)
            sent += 65536

    sent = 0
    async with (
        upstream_of(pour) as upstream,
        proxied(upstream.url) as port,
        dialled(port, max_queue=1) as socket,
    ):
        before = resident_bytes()
        await socket.recv()
        taken = await stalled(lambda: sent)
        grown = resident_bytes() - before
        for _ in range(1024):
            await socket.recv()

    assert taken < 24 * MIB, "the kernel's own buffers take some of it"
    assert grown < 8 * MIB
    assert sent >= 64 * MIB


async def test_an_upstream_that_reads_slowly_slows_the_caller_and_nothing_piles_up():
    read_on = asyncio.Event()
    heard = 0

    async def wait(socket):
        nonlocal heard
        await read_on.wait()
        async for message in socket:
            heard += len(message)

    sent = 0

    async def pour(socket):
        nonlocal sent
        for _ in range(1024):
            await socket.send(b"x" * 65536)
            sent += 65536

    async with upstream_of(wait, max_queue=1) as upstream, proxied(upstream.url) as port, dialled(port) as socket:
        before = resident_bytes()
        pouring = asyncio.create_task(pour(socket))
        await until(lambda: sent > 0)
        taken = await stalled(lambda: sent)
        grown = resident_bytes() - before
        read_on.set()
        await pouring
        await socket.close()
        await asyncio.wait_for(upstream.ended.wait(), WAIT_SECONDS_MAX)

    assert taken < 32 * MIB, "the kernel's own buffers take some of it"
    assert grown < 8 * MIB
    assert heard == 64 * MIB


SHORT = 0.3


async def test_a_slow_upstream_is_not_taken_for_a_caller_that_is_gone():
    """While it is not its turn to be read, a caller's answers to our pings are not read either."""
    read_on = asyncio.Event()

    async def wait(socket):
        await read_on.wait()
        async for message in socket:
            await socket.send(str(len(message)))

    limits = ClientLimits(reader_idle_seconds=SHORT)
    async with (
        upstream_of(wait, max_queue=1) as upstream,
        proxied(upstream.url, limits=limits) as port,
        dialled(port) as socket,
    ):
        pouring = asyncio.create_task(pour_mibs(socket, 24))
        await asyncio.sleep(SHORT * 4)
        was_slowed = not pouring.done()
        read_on.set()
        await pouring
        said = [await socket.recv() for _ in range(24)]

    assert was_slowed
    assert said == [str(MIB)] * 24


async def pour_mibs(socket, count):
    for _ in range(count):
        await socket.send(b"x" * MIB)


async def test_an_upstream_that_falls_silent_is_told_as_a_bad_gateway():
    async def open_one(request, reader, writer):
        writer.write(accepted(request.all(b"sec-websocket-key")[0]))
        await reader.read()
        raise ConnectionError

    limits = UpstreamLimits(idle_seconds=SHORT)
    async with raw_upstream(open_one) as upstream, proxied(upstream.url, upstream_limits=limits) as port:
        async with dialled(port) as socket:
            goodbye = await ended(socket)
        await asyncio.wait_for(upstream.lost.wait(), WAIT_SECONDS_MAX)

    assert goodbye == (1014, "the service broke off")


async def test_an_idle_socket_stays_open_while_both_sides_answer_pings():
    limits = ClientLimits(reader_idle_seconds=SHORT)
    async with (
        upstream_of(echo) as upstream,
        proxied(upstream.url, limits=limits, upstream_limits=UpstreamLimits(idle_seconds=SHORT)) as port,
        dialled(port) as socket,
    ):
        await asyncio.sleep(SHORT * 5)
        await socket.send("still there")
        said = await socket.recv()

    assert said == "still there"


async def test_a_message_of_the_upstream_above_the_limit_ends_the_socket():
    async def boast(socket):
        await socket.send(b"x" * 2000)
        await socket.recv()

    async with (
        upstream_of(boast) as upstream,
        proxied(upstream.url, message_bytes_max=1999) as port,
        dialled(port) as socket,
    ):
        goodbye = await ended(socket)
        await asyncio.wait_for(upstream.ended.wait(), WAIT_SECONDS_MAX)

    assert goodbye == (1014, "the service broke off")
    assert upstream.closed[0][0] == 1009


async def test_nothing_runs_on_when_both_sides_have_left():
    async with upstream_of(echo) as upstream, proxied(upstream.url) as port:
        before = asyncio.all_tasks()
        for leave in ("close", "abort") * 10:
            async with dialled(port) as socket:
                await socket.send("hello")
                await socket.recv()
                if leave == "close":
                    await socket.close()
        await until(lambda: len(upstream.closed) == 20)
        await until(lambda: asyncio.all_tasks() == before)

    assert {code for code, _ in upstream.closed} == {1000, 1006}


class Recorder:
    """An upstream that gives a socket at once, says what it is told to, and notes how it was left."""

    def __init__(self, *, says=None) -> None:
        self.headers, self.subprotocol = [], None
        self.says = says
        self.left = []

    async def open(self, handshake):
        return self

    async def message(self):
        if self.says is None:
            return await asyncio.get_running_loop().create_future()
        return self.says

    async def write(self, message):
        pass

    def close(self, code, reason=""):
        self.left.append((code, reason))

    def hang_up(self):
        self.left.append((1006, ""))

    async def aclose(self):
        self.left.append("closed")


HANDSHAKE = Handshake(target=b"/", headers=[], subprotocols=())


async def test_a_caller_that_leaves_as_the_upstream_opens_is_told_nothing():
    async def receive():
        return {"type": "websocket.disconnect", "code": 1006}

    sent, upstream = [], Recorder()
    relay = SocketRelay(upstream, receive, sent.append, failed=sent.append)

    assert await relay.run(HANDSHAKE) is None
    assert (sent, upstream.left) == ([], ["closed"])


async def test_a_callers_goodbye_passes_even_when_a_message_to_it_failed_first():
    async def receive():
        await failed.wait()
        for _ in range(9):  # as many turns as the relay takes to end what still runs
            await asyncio.sleep(0)
        return {"type": "websocket.disconnect", "code": 4001, "reason": "mine"}

    async def send(message):
        if message["type"] == "websocket.send":
            failed.set()
            raise OSError

    failed, upstream = asyncio.Event(), Recorder(says="again and again")
    await SocketRelay(upstream, receive, send, failed=print).run(HANDSHAKE)

    assert upstream.left == [(4001, "mine"), "closed"]


async def test_a_relay_that_is_cancelled_leaves_nothing_open():
    tasks = []

    def noted(app):
        async def outer(scope, receive, send):
            tasks.append(asyncio.current_task())
            await app(scope, receive, send)

        return outer

    async with upstream_of(echo) as upstream, proxied(upstream.url, wrap=noted) as port, dialled(port) as socket:
        await socket.send("hello")
        await socket.recv()
        tasks[0].cancel()
        goodbye = await ended(socket)
        await asyncio.wait_for(upstream.ended.wait(), WAIT_SECONDS_MAX)

    assert goodbye == (1011, "the service failed")
    assert upstream.closed == [(1006, "")]

"""Streams, hang-ups and broken upstreams, over real sockets."""

import asyncio
import socket
from pathlib import Path

import pytest

from meter.gateway.forwarding import Forwarding
from meter.gateway.httpx_upstream import HttpxUpstream, UpstreamLimits
from meter.gateway.proxy import Proxy
from meter.gateway.websockets_upstream import WebsocketsUpstream
from tests.proxy.wire import (
    OK,
    Client,
    PlainRefusals,
    answers,
    body_of,
    connected,
    proxied,
    raw_upstream,
    served,
    until,
)

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
MIB = 1 << 20
PIECE = b"x" * (64 << 10)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def stalled(progress) -> int:
    """Wait until a counter moves no more; its value."""
    last = -1
    while progress() != last:
        last = progress()
        await asyncio.sleep(0.2)
    return last


async def read_all(client: Client, size: int) -> int:
    """Read so many bytes, and keep none."""
    count = 0
    while count < size:
        count += len(await client.reader.read(1 << 16))
    return count


class Writer:
    """An upstream that answers with many pieces as fast as they are taken."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces
        self.sent = 0

    async def __call__(self, _request, _reader, writer) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (self.pieces * len(PIECE)))
        for _ in range(self.pieces):
            writer.write(PIECE)
            await writer.drain()
            self.sent += len(PIECE)


async def test_a_slow_reader_slows_the_upstream_and_nothing_piles_up():
    writer = Writer(pieces=1024)
    async with (
        raw_upstream(writer) as upstream,
        proxied(upstream.url) as port,
        connected(port, receive_bytes=4096) as client,
    ):
        before = resident_bytes()
        await client.send(GET)
        await until(lambda: writer.sent > 0)
        sent = await stalled(lambda: writer.sent)
        grown = resident_bytes() - before
        head = await client.reader.readuntil(b"\r\n\r\n")
        whole = await read_all(client, 64 * MIB)

    assert sent < 24 * MIB, "the kernel's own buffers take some of it"
    assert grown < 8 * MIB
    assert head.startswith(b"HTTP/1.1 200")
    assert whole == 64 * MIB


async def test_a_slow_upstream_slows_the_upload_and_nothing_piles_up():
    read_on = asyncio.Event()

    async def behave(request, reader, writer):
        await read_on.wait()
        request.body = b"%d" % len(await body_of(request, reader))
        writer.write(OK)

    sent = 0

    async def upload(client):
        nonlocal sent
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (1024 * len(PIECE)))
        for _ in range(1024):
            await client.send(PIECE)
            sent += len(PIECE)

    async with raw_upstream(behave) as upstream, proxied(upstream.url) as port, connected(port) as client:
        before = resident_bytes()
        uploading = asyncio.create_task(upload(client))
        await until(lambda: sent > 0)
        taken = await stalled(lambda: sent)
        grown = resident_bytes() - before
        read_on.set()
        await uploading
        answer = await client.answer()

    assert taken < 32 * MIB, "the kernel's own buffers take some of it"
    assert grown < 16 * MIB, "of which 4 MiB are the test upstream's own"
    assert (answer.status, upstream.seen[0].body) == (200, b"%d" % (64 * MIB))


async def test_a_piece_of_an_answer_arrives_before_the_next_is_written():
    more = asyncio.Event()

    async def behave(_request, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await more.wait()
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")

    async with raw_upstream(behave) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(GET)
        early = await client.reader.readuntil(b"first\r\n")
        more.set()
        late = await client.reader.readuntil(b"0\r\n\r\n")

    assert (early[-10:], late) == (b"5\r\nfirst\r\n"[-10:], b"4\r\nlast\r\n0\r\n\r\n")


async def test_a_piece_of_an_upload_arrives_before_the_next_is_sent():
    pieces = []

    async def behave(_request, reader, writer):
        pieces.append(await reader.readuntil(b"first\r\n"))
        pieces.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(OK)

    async with raw_upstream(behave) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(POST_CHUNKED + b"5\r\nfirst\r\n")
        await until(lambda: len(pieces) == 1)
        await client.send(b"4\r\nlast\r\n0\r\n\r\n")
        await client.answer()

    assert pieces == [b"5\r\nfirst\r\n", b"4\r\nlast\r\n0\r\n\r\n"]


async def hold(_request, reader, _writer):
    """Read whatever comes, and answer nothing."""
    while await reader.read(1 << 16):
        pass
    raise ConnectionError


async def begin_and_hold(request, reader, writer):
    """Begin an answer, and never go on."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
    await hold(request, reader, writer)


async def write_for_ever(_request, _reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
    while True:
        writer.write(PIECE)
        await writer.drain()


@pytest.mark.parametrize(
    ("behave", "raw"),
    [
        pytest.param(hold, GET, id="while the answer is awaited"),
        pytest.param(hold, POST_CHUNKED + b"5\r\nfirst\r\n", id="in the middle of the upload"),
        pytest.param(hold, POST_CHUNKED + b"0\r\n\r\n", id="after the upload"),
        pytest.param(begin_and_hold, GET, id="while the answer streams"),
        pytest.param(write_for_ever, GET, id="while the answer pours"),
    ],
)
async def test_a_caller_that_hangs_up_ends_the_call_upstream(behave, raw):
    async with raw_upstream(behave) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(raw)
        await until(lambda: len(upstream.seen) == 1)
        if behave is not hold:
            await client.reader.readuntil(b"\r\n\r\n")
        client.hang_up()
        async with asyncio.timeout(2):
            await upstream.lost.wait()

    assert upstream.connections == 1


async def test_hang_ups_leave_no_connection_behind():
    hold_on = True

    async def behave(request, reader, writer):
        await (hold if hold_on else answers(OK))(request, reader, writer)

    limits = UpstreamLimits(connections_max=2, pool_seconds=2)
    async with raw_upstream(behave) as upstream, proxied(upstream.url, upstream_limits=limits) as port:
        for count in range(1, 9):
            async with connected(port) as client:
                await client.send(GET)
                await until(lambda count=count: len(upstream.seen) == count)
        hold_on = False
        async with connected(port) as client:
            await client.send(GET)
            answer = await client.answer()

    assert answer.status == 200


async def test_the_first_of_two_pipelined_calls_hears_of_the_hang_up():
    async with raw_upstream(hold) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(GET + GET)
        await until(lambda: len(upstream.seen) == 1)
        client.hang_up()
        async with asyncio.timeout(2):
            await upstream.lost.wait()

    assert len(upstream.seen) == 1


class SlowMetering:
    """Stands around the proxy, and takes its time within ``send``."""

    def __init__(self, app, kind) -> None:
        self.app = app
        self.kind = kind
        self.began = asyncio.Event()
        self.caller_gone = asyncio.Event()
        self.go_on = asyncio.Event()
        self.done = asyncio.Event()

    async def __call__(self, scope, receive, send):
        async def slowly(message):
            await send(message)
            if message["type"] == self.kind and not message.get("more_body"):
                self.began.set()
                await self.go_on.wait()
                self.done.set()

        async def noticing():
            message = await receive()
            if message["type"] == "http.disconnect":
                self.caller_gone.set()
            return message

        await self.app(scope, noticing, slowly)


async def left_within_send(behave, kind: str, ended: str) -> None:
    """Hang up while the metering is at work within ``send``, and wait until that has ended, and the call upstream."""
    metering = []
    wrap = lambda app: metering.append(SlowMetering(app, kind)) or metering[0]  # noqa: E731
    async with raw_upstream(behave) as upstream, proxied(upstream.url, wrap=wrap) as port, connected(port) as client:
        await client.send(GET)
        await metering[0].began.wait()
        client.hang_up()
        await metering[0].caller_gone.wait()
        for _ in range(10):
            await asyncio.sleep(0)  # lets the news go round
        metering[0].go_on.set()
        async with asyncio.timeout(2):
            await {"metering": metering[0].done, "upstream": upstream.lost}[ended].wait()


@pytest.mark.parametrize("kind", ["http.response.start", "http.response.body"])
async def test_a_hang_up_never_cuts_short_what_stands_around_the_proxy(kind):
    await left_within_send(answers(OK), kind, "metering")


async def test_a_hang_up_noticed_within_send_ends_the_call_upstream():
    await left_within_send(begin_and_hold, "http.response.start", "upstream")


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


async def test_an_upstream_that_is_not_there_is_502(caplog):
    async with proxied(f"http://127.0.0.1:{closed_port()}") as port, connected(port) as client:
        await client.send(GET)
        answer = await client.answer()

    assert answer.status == 502
    assert "accepts no connection" in caplog.text


async def test_a_caller_is_not_told_where_the_upstream_is():
    silent = f"127.0.0.1:{closed_port()}"
    async with proxied(f"http://{silent}") as port, connected(port) as client:
        await client.send(GET)
        answer = await client.answer()

    assert silent.encode() not in answer.body


def closes_after(raw: bytes):
    async def behave(_request, _reader, writer):
        writer.write(raw)
        await writer.drain()
        writer.close()

    return behave


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing at all"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", id="half a head"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", id="two lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", id="no number as its length"),
        pytest.param(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", id="an upgrade nobody asked for"),
        pytest.param(b"HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n", id="a status out of range"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n", id="a control byte in a header"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 200_000, id="an endless head"),
    ],
)
async def test_an_upstream_that_breaks_before_its_answer_is_502(raw):
    async with raw_upstream(closes_after(raw)) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(GET)
        answer = await client.answer()

    assert answer.status == 502


async def test_a_request_is_never_sent_twice():
    async with raw_upstream(closes_after(b"")) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(GET)
        await client.answer()

    assert (len(upstream.seen), upstream.connections) == (1, 1)


async def test_an_upstream_that_never_answers_is_504(caplog):
    limits = UpstreamLimits(answer_seconds=0.1)
    async with (
        raw_upstream(hold) as upstream,
        proxied(upstream.url, upstream_limits=limits) as port,
        connected(port) as client,
    ):
        await client.send(GET)
        answer = await client.answer()

    assert answer.status == 504
    assert "did not answer in time" in caplog.text


async def test_a_call_that_finds_no_free_connection_is_504(caplog):
    limits = UpstreamLimits(connections_max=1, pool_seconds=0.1)
    async with (
        raw_upstream(hold) as upstream,
        proxied(upstream.url, upstream_limits=limits) as port,
        connected(port) as first,
        connected(port) as second,
    ):
        await first.send(GET)
        await until(lambda: len(upstream.seen) == 1)
        await second.send(GET)
        answer = await second.answer()

    assert answer.status == 504
    assert "connections of this worker" in caplog.text


@pytest.mark.parametrize(
    ("raw", "arrives"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"half", id="fewer bytes than its length promised"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", b"4\r\nhalf\r\n", id="no last chunk"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
            b"4\r\nhalf\r\n",
            id="a bad chunk",
        ),
    ],
)
async def test_an_answer_that_breaks_off_arrives_broken_off(raw, arrives):
    async with raw_upstream(closes_after(raw)) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(GET)
        rest = await client.rest()

    assert rest.partition(b"\r\n\r\n")[2] == arrives


async def test_an_answer_that_stops_for_too_long_arrives_broken_off():
    limits = UpstreamLimits(idle_seconds=0.1)
    async with (
        raw_upstream(begin_and_hold) as upstream,
        proxied(upstream.url, upstream_limits=limits) as port,
        connected(port) as client,
    ):
        await client.send(GET)
        rest = await client.rest()

    assert rest.endswith(b"\r\n\r\n5\r\nfirst\r\n")


async def test_an_answer_that_came_before_the_upload_ended_is_passed_on():
    async def behave(request, reader, writer):
        writer.write(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        await body_of(request, reader)
        writer.close()

    async with raw_upstream(behave) as upstream, proxied(upstream.url) as port, connected(port) as client:
        await client.send(POST_CHUNKED + b"5\r\nhello\r\n")
        await until(lambda: len(upstream.seen) == 1)
        await client.send(b"0\r\n\r\n")
        answer = await client.answer()

    assert (answer.status, answer.body) == (413, b"no")


DECLARED = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = POST_CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "bytes_max", "status"),
    [
        pytest.param(DECLARED, 4, 413, id="beyond the limit, as its length says"),
        pytest.param(CHUNKED, 4, 413, id="beyond the limit, as its chunks turn out"),
        pytest.param(DECLARED, 5, 200, id="at the limit, as its length says"),
        pytest.param(CHUNKED, 5, 200, id="at the limit, as its chunks turn out"),
    ],
)
async def test_a_body_beyond_the_limit_is_413(raw, bytes_max, status):
    async with (
        raw_upstream() as upstream,
        proxied(upstream.url, body_bytes_max=bytes_max) as port,
        connected(port) as client,
    ):
        await client.send(raw)
        answer = await client.answer()

    assert answer.status == status


async def test_a_body_that_says_it_is_too_long_never_reaches_the_upstream():
    async with raw_upstream() as upstream, proxied(upstream.url, body_bytes_max=4) as port, connected(port) as client:
        await client.send(DECLARED)
        await client.answer()

    assert upstream.connections == 0


class EarlyUpstream:
    """Answers at once, whatever of the body is still to come, and never ends; its own answer too."""

    authority = b"early"

    def __init__(self) -> None:
        self.status = 200
        self.headers = []
        self.closed = asyncio.Event()

    async def send(self, _request):
        return self

    async def chunks(self):
        yield b"first"
        await asyncio.Event().wait()

    async def aclose(self):
        self.closed.set()


async def test_a_caller_that_leaves_an_early_answer_in_its_upload_closes_it():
    upstream = EarlyUpstream()
    proxy = Proxy(
        upstream,
        WebsocketsUpstream("http://127.0.0.1:1"),
        refusals=PlainRefusals(),
        forwarding=Forwarding(),
        body_bytes_max=99,
    )
    async with served(proxy) as port, connected(port) as client:
        await client.send(POST_CHUNKED + b"5\r\nhello\r\n")
        await client.reader.readuntil(b"first")
        client.hang_up()
        async with asyncio.timeout(2):
            await upstream.closed.wait()

    assert upstream.closed.is_set()


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        pytest.param("ftp://a", "http://HOST:PORT", id="another scheme"),
        pytest.param("http://a/base", "without path", id="a path"),
        pytest.param("http://user:secret@a", "without path or user", id="a user"),
        pytest.param("a:1", "http://HOST:PORT", id="no scheme"),
        pytest.param("http://a:x", "http://HOST:PORT", id="a port that is none"),
        pytest.param("http://", "http://HOST:PORT", id="no host"),
        pytest.param("http://a?b", "without path", id="a query"),
        pytest.param("http://a#b", "without path", id="a fragment"),
    ],
)
def test_an_upstream_that_is_no_origin_is_refused_with_a_sentence(url, fix):
    with pytest.raises(ValueError, match=r"^The upstream .*\.$") as refused:
        HttpxUpstream(url)

    assert fix in str(refused.value)

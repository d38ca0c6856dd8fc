"""Slow, verbose and malformed clients, over real sockets, with shorter deadlines than the declared ones."""

import asyncio
import time
from contextlib import suppress

import pytest

from meter.gateway.serving import ClientLimits
from tests.proxy.wire import Client, answers, connected, proxied, raw_upstream, served

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
SHORT = 0.3
"""Of a deadline that is to be kept here."""
LATE = SHORT * 1.1 + 0.5
"""By when it must have been, on a busy machine."""


async def echo(scope, receive, send):
    """Answer with the target, the header names and the body."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    names = b",".join(name for name, _ in scope["headers"])
    body = b"|".join((scope["raw_path"], scope["query_string"], names, body))
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", str(len(body)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def never(scope, receive, send):
    """Wait for the caller to leave."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def closed_after(client: Client) -> tuple[bytes, float]:
    """What still comes, and after how many seconds the server closes."""
    began = time.monotonic()
    rest = await client.rest()
    return rest, time.monotonic() - began


async def drip(client: Client, raw: bytes) -> None:
    """Send a byte now and then, as slowloris does."""
    for byte in raw * 100:
        await client.send(bytes((byte,)))
        await asyncio.sleep(SHORT / 10)


@pytest.mark.parametrize(
    ("limits", "raw", "status"),
    [
        pytest.param(ClientLimits(head_seconds=SHORT), b"GET / HT", b"408", id="half a request line"),
        pytest.param(ClientLimits(head_seconds=SHORT), b"GET / HTTP/1.1\r\nHost: a\r\n", b"408", id="half a head"),
        pytest.param(ClientLimits(head_seconds=SHORT), GET + b"GET /", b"200", id="half a head after a call"),
        pytest.param(ClientLimits(keep_alive_seconds=SHORT), b"", b"", id="not a byte"),
        pytest.param(ClientLimits(keep_alive_seconds=SHORT), b"\r\n", b"", id="an empty line"),
        pytest.param(ClientLimits(keep_alive_seconds=SHORT), GET, b"200", id="no second request"),
        pytest.param(
            ClientLimits(body_idle_seconds=SHORT), POST + b"Content-Length: 9\r\n\r\nhalf", b"408", id="half a body"
        ),
        pytest.param(
            ClientLimits(body_idle_seconds=SHORT),
            POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            b"408",
            id="no last chunk",
        ),
    ],
)
async def test_a_client_that_stops_is_cut_at_its_deadline(limits, raw, status):
    async with served(echo, limits) as port, connected(port) as client:
        await client.send(raw)
        rest, seconds = await closed_after(client)

    assert SHORT * 0.9 <= seconds < LATE
    assert rest[9:12] == status


@pytest.mark.parametrize(
    ("limits", "raw", "dripped"),
    [
        pytest.param(ClientLimits(head_seconds=SHORT), b"GET / HTTP/1.1\r\n", b"X", id="a head"),
        pytest.param(ClientLimits(keep_alive_seconds=SHORT), b"", b"\r\n", id="empty lines"),
        pytest.param(
            ClientLimits(body_idle_seconds=SHORT), POST + b"Transfer-Encoding: chunked\r\n\r\n", b"0", id="chunk sizes"
        ),
    ],
)
async def test_dripping_bytes_win_no_time(limits, raw, dripped):
    async with served(echo, limits) as port, connected(port) as client:
        await client.send(raw)
        dripping = asyncio.create_task(drip(client, dripped))
        _, seconds = await closed_after(client)
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)

    assert seconds < LATE


async def test_a_slow_body_has_all_the_time_that_it_uses():
    async with served(echo, ClientLimits(body_idle_seconds=SHORT)) as port, connected(port) as client:
        await client.send(POST + b"Content-Length: 20\r\n\r\n")
        await asyncio.wait_for(drip_whole(client, b"x" * 20), 10)
        answer = await client.answer()

    assert answer.body.endswith(b"x" * 20)


async def drip_whole(client: Client, raw: bytes) -> None:
    for byte in raw:
        await client.send(bytes((byte,)))
        await asyncio.sleep(SHORT / 10)


async def test_a_slow_answer_has_all_the_time_that_it_needs():
    async def slow(request, _reader, writer):
        await asyncio.sleep(SHORT * 2)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    impatient = ClientLimits(
        head_seconds=SHORT, body_idle_seconds=SHORT, keep_alive_seconds=SHORT, reader_idle_seconds=SHORT
    )
    async with (
        raw_upstream(slow) as upstream,
        proxied(upstream.url, limits=impatient) as port,
        connected(port) as client,
    ):
        await client.send(GET)
        answer = await client.answer()

    assert answer.status == 200


async def test_300_slowloris_clients_are_all_gone_in_time():
    limits = ClientLimits(head_seconds=SHORT)
    async with served(echo, limits) as port:
        clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
        began = time.monotonic()
        for _, writer in clients:
            writer.write(b"GET / HTTP/1.1\r\nX-")
        rests = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in clients)), 10)
        seconds = time.monotonic() - began
        for _, writer in clients:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in clients))

    assert {rest[9:12] for rest in rests} == {b"408"}
    assert seconds < LATE + 1, "the clients share our processor"


async def test_a_reader_that_takes_nothing_is_cut_and_ends_the_call():
    async def pour(_request, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    limits = ClientLimits(reader_idle_seconds=SHORT)
    async with (
        raw_upstream(pour) as upstream,
        proxied(upstream.url, limits=limits) as port,
        connected(port, receive_bytes=4096) as client,
    ):
        client.writer.transport.pause_reading()
        await client.send(GET)
        async with asyncio.timeout(5):
            await upstream.lost.wait()

    assert len(upstream.seen) == 1


async def test_a_body_that_never_comes_ends_the_call_upstream():
    async def hold(_request, reader, _writer):
        while await reader.read(1 << 16):
            pass
        raise ConnectionError

    limits = ClientLimits(body_idle_seconds=SHORT)
    async with raw_upstream(hold) as upstream, proxied(upstream.url, limits=limits) as port, connected(port) as client:
        await client.send(POST + b"Content-Length: 9\r\n\r\nhalf")
        async with asyncio.timeout(5):
            await upstream.lost.wait()
        answer = await client.answer()

    assert answer.status == 408


async def test_a_refused_body_may_not_drip_on():
    async def refuse(scope, receive, send):
        await send({"type": "http.response.start", "status": 402, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with served(refuse, ClientLimits(body_idle_seconds=SHORT)) as port, connected(port) as client:
        await client.send(POST + b"Content-Length: 999\r\n\r\n")
        answer = await client.answer()
        dripping = asyncio.create_task(drip(client, b"x"))
        rest, seconds = await closed_after(client)
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)

    assert (answer.status, rest) == (402, b"")
    assert seconds < LATE


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431, id="one long header"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 17_000 + b"\r\n", 431, id="many headers"),
        pytest.param(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431, id="a long target"),
        pytest.param(
            POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="two framings"
        ),
        pytest.param(POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, id="two lengths"),
        pytest.param(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, id="a coding we don't know"),
        pytest.param(POST + b"Transfer-Encoding: identity\r\n\r\n", 501, id="a coding that is none"),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="coded twice"
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n", 400, id="a control byte"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400, id="a NUL"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400, id="a space before the colon"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n X: a\r\n\r\n", 400, id="a folded line"),
        pytest.param(b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a space in the target"),
        pytest.param(b"GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a tab in the target"),
        pytest.param(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a byte beyond ASCII in the target"),
        pytest.param(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a tunnel"),
        pytest.param(b"SPEAK / HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a method that is none"),
        pytest.param(b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400, id="a method in small letters"),
        pytest.param(b"\x16\x03\x01\x02\x00", 400, id="TLS"),
        pytest.param(
            POST
            + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 35\r\n\r\n"
            + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
            400,
            id="an upgrade with a body",
        ),
    ],
)
async def test_a_request_that_cannot_be_one_is_refused_and_never_a_call(raw, status):
    calls = []

    async def app(scope, receive, send):
        calls.append(scope["raw_path"])
        await never(scope, receive, send)

    async with served(app) as port, connected(port) as client:
        client.writer.write(raw)
        answer = await client.answer()
        rest = await client.rest()

    assert (answer.status, answer.all(b"connection"), rest) == (status, [b"close"], b"")
    assert calls == []
    assert answer.body.endswith(b".")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: ", id="header"),
        pytest.param(b"GET /", id="target"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", id="trailer"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n1;", id="chunk extension"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n0", id="chunk size"),
    ],
)
async def test_an_endless_part_is_cut_off(raw):
    sent = 0
    async with served(never) as port, connected(port) as client:
        await client.send(raw)
        with suppress(ConnectionError):
            while sent < 64 << 20:
                await client.send(b"0" * 65536)
                sent += 65536

    assert sent < 16 << 20, "the kernel's own buffers take some of it"


async def test_the_target_is_left_as_it_was_sent():
    async with served(echo) as port, connected(port) as client:
        await client.send(b"GET http://a/%76?b=%20 HTTP/1.1\r\nHost: a\r\nX-Odd: 1\r\n\r\n")
        answer = await client.answer()

    assert answer.body == b"http://a/%76|b=%20|host,x-odd|"


async def test_trailers_never_join_the_headers_of_a_running_call():
    async with served(echo) as port, connected(port) as client:
        await client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-API-Key: x\r\n\r\n")
        answer = await client.answer()

    assert answer.body == b"/||host,transfer-encoding|a"


async def test_pipelined_calls_are_answered_in_their_order():
    async with served(echo) as port, connected(port) as client:
        await client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(50)))
        bodies = [(await client.answer()).body for _ in range(50)]

    assert bodies == [b"/%d||host|" % number for number in range(50)]


async def test_rubbish_behind_a_running_call_is_not_answered_in_its_place():
    async with served(never) as port, connected(port) as client:
        await client.send(GET + b"rubbish\r\n\r\n")
        rest = await client.rest()

    assert rest == b""


async def test_an_ordinary_call_with_an_upgrade_is_answered_and_closed():
    async with served(echo) as port, connected(port) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        answer = await client.answer()
        rest = await client.rest()

    assert (answer.status, rest) == (200, b"")


async def test_our_server_adds_no_headers_of_its_own():
    async with served(echo) as port, connected(port) as client:
        await client.send(GET)
        answer = await client.answer()

    assert answer.head == b"HTTP/1.1 200 OK\r\ncontent-length: 8"


async def test_nobody_is_believed_about_where_a_call_comes_from():
    clients = []

    async def app(scope, receive, send):
        clients.append((scope["client"][0], scope["scheme"]))
        await echo(scope, receive, send)

    async with served(app) as port, connected(port) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\r\n")
        await client.answer()

    assert clients == [("127.0.0.1", "http")]


async def test_a_kept_connection_serves_again_after_a_pause_within_its_limit():
    async with (
        raw_upstream(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as upstream,
        proxied(upstream.url, limits=ClientLimits(keep_alive_seconds=SHORT)) as port,
        connected(port) as client,
    ):
        for _ in range(4):
            await client.send(GET)
            await client.answer()
            await asyncio.sleep(SHORT / 2)

    assert len(upstream.seen) == 4

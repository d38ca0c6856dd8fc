"""One line of JSON a request, and never what is nobody's business."""

import json
import logging

import pytest

from meter.gateway.access_log import AccessLog
from meter.gateway.headers import CreditHeaders
from meter.gateway.reported import REPORTED
from meter.gateway.served import untold
from tests.proxy.sockets import dialled, echo, ended, handshake, upstream_of
from tests.proxy.wire import OK, answers, connected, proxied, raw_upstream, until

KEY = b"mk_11" + b"a" * 50


def lines(caplog) -> list[dict[str, object]]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "meter.access"]


@pytest.fixture(autouse=True)
def _heard(caplog):
    caplog.set_level(logging.INFO, "meter.access")


def metering(app):
    """Leave the facts of a call where the metering leaves them."""

    async def metered(scope, receive, send):
        scope["meter.call"] = {"operation": "image.analyse", "credits": 70_500_000, "op": "op-1"}
        await app(scope, receive, send)

    return AccessLog(metered)


def free(app):
    """Let calls through as the metering lets those that are free."""

    async def passed(scope, receive, send):
        await app(scope, receive, untold(scope, send, CreditHeaders()))

    return AccessLog(passed)


async def logged(caplog, raw: bytes, *, wrap=AccessLog, upstream_raw: bytes = OK):
    async with (
        raw_upstream(answers(upstream_raw)) as upstream,
        proxied(upstream.url, wrap=wrap) as port,
        connected(port) as client,
    ):
        await client.send(raw)
        answer = await client.answer()
    return answer, lines(caplog)


async def test_without_lines_a_request_still_gets_its_id(caplog):
    def silent(app):
        return AccessLog(app, lines=False)

    answer, said = await logged(caplog, b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: r-1\r\n\r\n", wrap=silent)

    assert said == []
    assert b"x-request-id: r-1" in answer.head.lower()


async def test_a_metered_request_is_one_line_with_what_it_cost(caplog):
    _, said = await logged(caplog, b"GET /v1/a%20b?q=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: r-1\r\n\r\n", wrap=metering)

    (line,) = said
    assert line.pop("time").endswith("Z")
    assert line.pop("ms") > 0
    assert line == {
        "request_id": "r-1",
        "method": "GET",
        "path": "/v1/a b",
        "status": 200,
        "request_bytes": 0,
        "response_bytes": 2,
        "operation": "image.analyse",
        "credits": 70.5,
        "op": "op-1",
    }


async def test_an_unmetered_request_has_no_operation(caplog):
    _, said = await logged(caplog, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

    assert (said[0]["operation"], said[0]["credits"], said[0]["op"]) == (None, None, None)


async def test_the_bytes_of_both_bodies_are_counted_as_they_pass(caplog):
    raw = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789"
    _, said = await logged(caplog, raw, upstream_raw=b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + b"x" * 12)

    assert (said[0]["request_bytes"], said[0]["response_bytes"]) == (9, 12)


async def test_what_the_upstream_reports_of_a_free_call_is_logged_and_its_timings_are_passed(caplog):
    told = b"Server-Timing: cpu;dur=12.5, miss\r\nCredits-Usage: tokens=9\r\n"
    raw = b"HTTP/1.1 200 OK\r\n" + told + b"Content-Length: 0\r\n\r\n"
    answer, said = await logged(caplog, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", wrap=free, upstream_raw=raw)

    assert (said[0]["server_timing"], said[0]["usage"]) == ({"cpu": 12.5}, {"tokens": 9})
    assert answer.all(b"server-timing") == [b"cpu;dur=12.5, miss"]


async def test_where_no_line_is_written_nothing_is_counted():
    seen = []

    async def app(scope, receive, send):
        seen.append((receive, REPORTED in scope))

    async def receive():
        return {"type": "http.disconnect"}

    async def send(_message):
        pass

    await AccessLog(app, lines=False)({"type": "http", "path": "/", "headers": []}, receive, send)

    assert seen == [(receive, False)]


async def test_neither_key_nor_query_is_logged(caplog):
    raw = b"GET /?key=%b HTTP/1.1\r\nHost: a\r\nX-API-Key: %b\r\nAuthorization: Bearer %b\r\n\r\n" % (KEY, KEY, KEY)
    await logged(caplog, raw)

    assert KEY.decode() not in caplog.text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param([b"abc-123_X.y:z"], True, id="a sane one"),
        pytest.param([b'a"b'], False, id="a quote"),
        pytest.param([b"a b"], False, id="a space"),
        pytest.param([b"a" * 129], False, id="too long"),
        pytest.param([b""], False, id="empty"),
        pytest.param([b"a", b"b"], False, id="two"),
        pytest.param([], False, id="none"),
    ],
)
async def test_a_request_id_is_taken_if_sane_and_always_answered(caplog, sent, kept):
    head = b"".join(b"X-Request-Id: %b\r\n" % value for value in sent)
    answer, said = await logged(caplog, b"GET / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n")

    (answered,) = answer.all(b"x-request-id")
    assert said[0]["request_id"] == answered.decode()
    assert (answered in sent) is kept
    assert kept or len(answered) == 32


async def test_the_upstreams_own_request_id_gives_way(caplog):
    raw = b"HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nContent-Length: 0\r\n\r\n"
    answer, _ = await logged(caplog, b"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: ours\r\n\r\n", upstream_raw=raw)

    assert answer.all(b"x-request-id") == [b"ours"]


async def test_an_answer_that_broke_off_says_so_without_a_traceback(caplog):
    async def behave(_request, _reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async with (
        raw_upstream(behave) as upstream,
        proxied(upstream.url, wrap=AccessLog) as port,
        connected(port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        rest = await client.rest()

    assert rest.endswith(b"half")
    assert "broke off" in lines(caplog)[0]["error"]
    assert all(record.exc_info is None for record in caplog.records)


async def test_a_request_whose_caller_left_has_no_status(caplog):
    async def hold(_request, reader, _writer):
        while await reader.read(1 << 16):
            pass
        raise ConnectionError

    async with (
        raw_upstream(hold) as upstream,
        proxied(upstream.url, wrap=AccessLog) as port,
        connected(port) as client,
    ):
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
        await until(lambda: len(upstream.seen) == 1)
        client.hang_up()
        await upstream.lost.wait()
        await until(lambda: len(lines(caplog)) == 1)

    assert lines(caplog)[0]["status"] is None


async def test_a_socket_is_one_line_when_it_has_ended(caplog):
    async with upstream_of(echo) as upstream, proxied(upstream.url, wrap=metering) as port:
        async with dialled(port, "/v1/talk?q=1", additional_headers={"X-Request-Id": "r-1"}) as socket:
            await socket.send("hello")
            await socket.recv()
            answered = socket.response.headers["x-request-id"]
            await socket.close()
        await until(lambda: len(lines(caplog)) == 1)

    (line,) = lines(caplog)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/talk", 101)
    assert (line["request_bytes"], line["response_bytes"]) == (5, 5)
    assert (line["request_id"], line["operation"], line["credits"]) == ("r-1", "image.analyse", 70.5)
    assert answered == "r-1"


async def test_a_handshake_that_is_denied_has_its_status(caplog):
    raw = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    answer, said = await logged(caplog, handshake(b"/", (b"X-Request-Id", b"r-1")), upstream_raw=raw)

    assert (answer.status, said[0]["status"], answer.all(b"x-request-id")) == (403, 403, [b"r-1"])


async def test_a_socket_that_the_upstream_broke_off_says_so_without_a_traceback(caplog):
    async def vanish(socket):
        socket.transport.abort()

    async with upstream_of(vanish) as upstream, proxied(upstream.url, wrap=AccessLog) as port, dialled(port) as socket:
        goodbye = await ended(socket)
        await until(lambda: len(lines(caplog)) == 1)

    assert goodbye[0] == 1014
    assert "broke off" in lines(caplog)[0]["error"]
    assert all(record.exc_info is None for record in caplog.records)

"""Calls whose price is known only when they have ended: held, metered as they pass, cut, and settled."""

import asyncio
import json
import logging

import pytest

from meter.gateway.access_log import AccessLog
from meter.gateway.served import charge_of
from tests.support.asgi import GONE, JSON, Exchange, call, saying, scope_of, until
from tests.support.metering import metered

SSE = (b"content-type", b"text/event-stream")
LINES = (b"content-type", b"application/x-ndjson")
PLAIN = (b"content-type", b"application/octet-stream")

POLICY = """
version: 1
operations:
  chat: {title: Chat, credits: {base: 1, per: {tokens: 0.01}, at_most: 50}, meters: {tokens: {json: /usage/total}}}
  said: {title: Said, credits: {base: 1, per: {words: 1}, at_most: 50}, meters: {words: {reported: true}}}
  events: {title: Events, credits: {base: 0, per: {response_events: 1}, at_most: 40, step: 10}, last_line: true}
  bytes: {title: Bytes, credits: {base: 0, per: {response_bytes: 0.001, request_bytes: 0.001}, at_most: 100, step: 10}}
  fixed: {title: Fixed, credits: 20}
routes:
  - {match: "/chat", operation: chat}
  - {match: "/said", operation: said}
  - {match: "/events", operation: events}
  - {match: "/bytes", operation: bytes}
  - {match: "/fixed", operation: fixed}
rounding: {step: 0.01}
plans:
  small: {included: 1000, period: month}
"""
EVENT = b'data: {"n": 1}\n\n'


def streaming(*pieces: bytes, content=PLAIN, headers=(), status=200):
    """An app that sends its body piece by piece; notes how far it came."""
    sent: list[bytes] = []

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": status, "headers": [content, *headers]})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            sent.append(piece)
        await send({"type": "http.response.body", "body": b""})

    app.sent = sent
    return app


async def test_an_answer_that_says_what_it_used_is_charged_for_that(store_url, tmp_path):
    body = b'{"usage": {"total": 812}}'
    async with metered(streaming(body, content=JSON), tmp_path, store_url, POLICY) as here:
        answer = await call(here.app, "POST /chat")
        books = await here.books.of()
        kinds = await here.books.kinds()

    assert answer.json["meta"]["credits_consumed"] == 9.12
    assert (answer.consumed, answer.remaining) == ("9.12", "990.88")
    assert (books.consumed, books.reserved, kinds) == (9_120_000, 0, ["open", "hold", "settle"])


async def test_an_answer_that_says_nothing_costs_its_base(store_url, tmp_path):
    async with metered(streaming(b'{"ok": true}', content=JSON), tmp_path, store_url, POLICY) as here:
        answer = await call(here.app, "POST /chat")

    assert answer.consumed == "1"


async def test_a_handler_reports_what_it_used(store_url, tmp_path):
    async def app(scope, receive, send):
        charge = charge_of(scope)
        charge.use(words=3)
        charge.use(words=4, unheard_of=9)
        await streaming(b"{}", content=JSON)(scope, receive, send)

    async with metered(app, tmp_path, store_url, POLICY) as here:
        answer = await call(here.app, "POST /said")

    assert answer.consumed == "8"


@pytest.mark.parametrize(
    ("says", "consumed"),
    [
        pytest.param(lambda charge: charge.set(7), "7", id="set"),
        pytest.param(lambda charge: charge.add("0.5"), "1.5", id="add"),
        pytest.param(lambda charge: (charge.use(words=30), charge.cap(5)), "5", id="cap"),
        pytest.param(lambda charge: charge.waive("ours"), "0", id="waive"),
        pytest.param(lambda charge: charge.set(70), "50", id="never above the ceiling"),
    ],
)
async def test_a_handler_has_the_last_word_below_the_ceiling(store_url, tmp_path, says, consumed):
    async def app(scope, receive, send):
        says(charge_of(scope))
        await streaming(b"{}", content=JSON)(scope, receive, send)

    async with metered(app, tmp_path, store_url, POLICY) as here:
        answer = await call(here.app, "POST /said")
        books = await here.books.of()

    assert answer.consumed == consumed
    assert (books.reserved, books.granted) == (0, books.consumed + books.remaining)


@pytest.mark.parametrize(("price", "consumed"), [(15, "15"), (25, "20")])
async def test_a_fixed_price_can_be_set_lower_and_not_higher(store_url, tmp_path, price, consumed):
    async def app(scope, receive, send):
        charge_of(scope).set(price)
        await streaming(b"{}", content=JSON)(scope, receive, send)

    async with metered(app, tmp_path, store_url, POLICY) as here:
        answer = await call(here.app, "GET /fixed")
        paid = await here.books.consumed()

    assert (answer.consumed, paid) == (consumed, int(consumed))


async def test_the_upstream_reports_in_headers_that_nobody_else_sees(store_url, tmp_path):
    app = streaming(b"{}", content=JSON, headers=[(b"credits-usage", b"words=12, other=1")])
    async with metered(app, tmp_path, store_url, POLICY) as here:
        answer = await call(here.app, "POST /said")

    assert answer.consumed == "13"
    assert "credits-usage" not in answer.headers


@pytest.mark.parametrize("target", ["POST /said", "GET /fixed"], ids=["priced_by_it", "priced_without_it"])
async def test_the_access_log_says_what_the_upstream_reports(store_url, tmp_path, caplog, target):
    caplog.set_level(logging.INFO, "meter.access")
    app = streaming(b"{}", content=JSON, headers=[(b"credits-usage", b"words=2, cpu_ms=12.5")])
    async with metered(app, tmp_path, store_url, POLICY) as here:
        answer = await call(AccessLog(here.app), target)

    (line,) = [json.loads(record.getMessage()) for record in caplog.records if record.name == "meter.access"]
    assert line["usage"] == {"words": 2, "cpu_ms": 12.5}
    assert "credits-usage" not in answer.headers


async def test_a_stream_says_what_is_reserved_and_in_its_end_what_it_cost(store_url, tmp_path):
    app = streaming(*[EVENT] * 25, content=SSE)
    async with metered(app, tmp_path, store_url, POLICY) as here:
        answer = await call(here.app, "GET /events")
        books = await here.books.of()

    assert answer.headers["x-credits-reserved"] == "10"
    assert "x-credits-consumed" not in answer.headers
    head, _, cost = answer.body.strip().rpartition(b": credits ")
    assert head == EVENT * 25
    assert json.loads(cost)["credits_consumed"] == 25
    assert (books.consumed, books.reserved) == (25_000_000, 0)


async def test_a_stream_ends_at_its_ceiling_between_two_events(store_url, tmp_path):
    app = streaming(*[EVENT * 3] * 30, content=SSE)
    async with metered(app, tmp_path, store_url, POLICY) as here:
        answer = await call(here.app, "GET /events")
        books = await here.books.of()

    assert answer.body.startswith(EVENT * 40)
    assert answer.body.count(b'{"n": 1}') == 40
    assert b"ceiling_reached" in answer.body[len(EVENT) * 40 :]
    assert books.consumed == 40_000_000
    assert answer.sent[-1]["more_body"] is False
    assert len(app.sent) < 15


async def test_the_event_at_which_a_stream_is_cut_costs_nothing(store_url, tmp_path):
    app = streaming(*[EVENT * 3] * 30, content=SSE)
    async with metered(app, tmp_path, store_url, POLICY.replace("at_most: 40,", "at_most: 40.5,")) as here:
        await call(here.app, "GET /events")
        books = await here.books.of()

    assert books.consumed == 40_000_000


async def test_a_stream_ends_when_the_account_is_empty(store_url, tmp_path):
    app = streaming(*[b'{"n":1}\n'] * 100, content=LINES)
    async with metered(app, tmp_path, store_url, POLICY.replace("1000,", "14,")) as here:
        answer = await call(here.app, "GET /events")
        books = await here.books.of()

    *lines, last = answer.body.splitlines()
    assert lines == [b'{"n":1}'] * 14
    assert json.loads(last)["error"]["code"] == "insufficient_credits"
    assert (books.consumed, books.remaining, books.reserved) == (14_000_000, 0, 0)


@pytest.mark.parametrize(
    ("content", "pieces", "consumed"),
    [
        pytest.param(SSE, [EVENT * 3, b'data: {"n": '], 3, id="an-event-that-no-client-is-given"),
        pytest.param(SSE, [EVENT * 3, b'data: {"n": 1}\n'], 3, id="an-event-without-its-blank-line"),
        pytest.param(LINES, [b"1\n2\n", b"3"], 3, id="a-last-line-without-an-end"),
    ],
)
async def test_an_event_that_the_stream_did_not_end_costs_what_its_format_says(
    store_url, tmp_path, content, pieces, consumed
):
    async with metered(streaming(*pieces, content=content), tmp_path, store_url, POLICY) as here:
        await call(here.app, "GET /events")
        books = await here.books.of()

    assert books.consumed == consumed * 1_000_000


async def test_what_the_last_line_says_is_charged_even_without_its_end(store_url, tmp_path):
    lines = streaming(b'{"a": 1}\n', b'{"usage": {"total": 812}}', content=LINES)
    async with metered(lines, tmp_path, store_url, POLICY) as here:
        await call(here.app, "POST /chat")
        books = await here.books.of()

    assert books.consumed == 9_120_000


async def test_bytes_both_ways_are_metered_to_the_byte(store_url, tmp_path):
    async def app(scope, receive, send):
        message = await receive()
        assert message["body"] == b"x" * 1234
        await streaming(b"y" * 5000, b"z" * 321)(scope, receive, send)

    async with metered(app, tmp_path, store_url, POLICY) as here:
        await call(here.app, "POST /bytes", body=b"x" * 1234)
        books = await here.books.of()

    assert books.consumed == 6_560_000  # 6.555 rounded half up to a hundredth


async def test_no_more_than_the_ceiling_is_charged_for_an_answer_that_is_held_back(store_url, tmp_path):
    body = b'{"usage": {"total": 100000}}'
    async with metered(streaming(body, content=JSON), tmp_path, store_url, POLICY) as here:
        answer = await call(here.app, "POST /chat")

    assert (answer.status, answer.consumed) == (200, "50")


async def test_a_hold_that_the_account_cannot_give_is_refused(store_url, tmp_path):
    app = streaming(b"{}", content=JSON)
    async with metered(app, tmp_path, store_url, POLICY.replace("1000,", "40,")) as here:
        answer = await call(here.app, "POST /chat")

    assert (answer.status, answer.json["credits_required"], app.sent) == (402, 50, [])


async def test_a_caller_that_leaves_a_stream_pays_what_it_was_sent(store_url, tmp_path):
    left, seen = asyncio.Event(), asyncio.Event()

    async def receive():
        await left.wait()
        return GONE

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        for _ in range(5):
            await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        left.set()
        await seen.wait()
        for _ in range(10):
            await send({"type": "http.response.body", "body": EVENT, "more_body": True})

    exchange = Exchange(scope_of("GET /events"))
    async with metered(app, tmp_path, store_url, POLICY) as here:
        running = asyncio.create_task(here.app(exchange.scope, receive, exchange.send))
        await left.wait()
        for _ in range(3):
            await asyncio.sleep(0)
        seen.set()
        await running
        books = await here.books.of()

    assert (books.consumed, books.reserved) == (5_000_000, 0)


async def test_a_service_that_fails_midway_is_not_paid(store_url, tmp_path):
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        raise RuntimeError("broken")

    exchange = Exchange(scope_of("GET /events"))
    async with metered(app, tmp_path, store_url, POLICY) as here:
        with pytest.raises(RuntimeError, match="broken"):
            await here.app(exchange.scope, saying(), exchange.send)
        books = await here.books.of()
        kinds = await here.books.kinds()

    assert (books.consumed, books.reserved, kinds) == (0, 0, ["open", "hold", "release"])


async def test_a_call_that_is_killed_is_charged_what_it_used_when_its_hold_expires(store_url, tmp_path):
    stopped = asyncio.Event()

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        charge_of(scope).use(words=4)
        await charge_of(scope).renew()
        stopped.set()
        await asyncio.get_running_loop().create_future()

    exchange = Exchange(scope_of("POST /said"))
    async with metered(app, tmp_path, store_url, POLICY) as here:
        running = asyncio.create_task(here.app(exchange.scope, saying(), exchange.send))
        await stopped.wait()
        [hold] = await here.books.ledger.holds(here.books.ledger.shard_of("acme"), overdue=False, count=10)
        running.cancel()
        await until(running.done)

    assert hold.account == "acme"

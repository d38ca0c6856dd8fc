"""Refusals have the shapes that are written down, over HTTP and for WebSockets."""

import json
from decimal import Decimal
from typing import Any

import pytest

from meter.credits import parse
from meter.gateway.answers import Answers
from meter.gateway.asgi import ASGIApp, Message
from meter.gateway.limits import limit_reached
from meter.ledger.limits import LimitKind, Reached
from meter.ledger.promise import Balance, Capped

DECEMBER = 1796083200
ANSWERS = Answers(
    problems_url="https://api.test/problems", billing_url="https://api.test/billing", clock=lambda: DECEMBER - 60.5
)
BALANCE = Balance(remaining=parse("40"), granted=parse("1000"), reset_at=DECEMBER)


async def sent(app: ASGIApp, **scope: Any) -> list[Message]:
    messages: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("a refusal reads nothing")

    async def send(message: Message) -> None:
        messages.append(message)

    await app({"type": "http", "method": "GET", **scope}, receive, send)
    return messages


async def told(app: ASGIApp) -> tuple[int, dict[bytes, bytes], Any]:
    start, body = await sent(app)
    return start["status"], dict(start["headers"]), json.loads(body["body"], parse_float=Decimal)


async def test_a_call_that_its_account_cannot_pay_is_told_what_is_missing():
    status, headers, problem = await told(ANSWERS.insufficient_credits(parse("100"), BALANCE))

    assert status == 402
    assert headers == {
        b"content-type": b"application/problem+json",
        b"content-length": headers[b"content-length"],
        b"cache-control": b"no-store",
        b"link": b'<https://api.test/billing>; rel="payment", </credits>; rel="status"',
        b"x-credits-consumed": b"0",
        b"x-credits-remaining": b"40",
        b"x-credits-reset-at": b"2026-12-01T00:00:00Z",
        b"ratelimit-policy": b'"credits";q=1000;qu="credits"',
        b"ratelimit": b'"credits";r=40;t=61',
    }
    assert problem == {
        "type": "https://api.test/problems/insufficient-credits",
        "title": "Insufficient credits",
        "status": 402,
        "detail": "This request costs 100 credits and 40 remain.",
        "code": "insufficient_credits",
        "credits_required": 100,
        "credits_remaining": 40,
        "credits_shortfall": 60,
        "credits_reset_at": "2026-12-01T00:00:00Z",
        "retryable": False,
    }


async def test_amounts_of_a_refusal_are_exact():
    balance = Balance(remaining=parse("0.3"), granted=parse("1"), reset_at=None)

    _, _, problem = await told(ANSWERS.insufficient_credits(parse("1"), balance))

    assert problem["credits_shortfall"] == Decimal("0.7")
    assert problem["detail"] == "This request costs 1 credit and 0.3 remain."
    assert problem["credits_reset_at"] is None


async def test_no_link_leads_to_a_shop_that_is_not_there():
    _, headers, _ = await told(Answers(problems_url="/problems").insufficient_credits(parse("1"), BALANCE))

    assert headers[b"link"] == b'</credits>; rel="status"'


async def test_another_status_may_stand_for_no_credits():
    status, _, problem = await told(
        Answers(problems_url="/problems", exhausted_status=429).insufficient_credits(parse("1"), BALANCE)
    )

    assert (status, problem["status"], problem["code"]) == (429, 429, "insufficient_credits")


@pytest.mark.parametrize(
    ("app", "status", "code", "retryable"),
    [
        pytest.param(ANSWERS.ambiguous_path("x"), 400, "ambiguous_path", False, id="ambiguous-path"),
        pytest.param(ANSWERS.bad_credits_max("x"), 400, "bad_credits_max", False, id="bad-credits-max"),
        pytest.param(ANSWERS.bad_idempotency_key("x"), 400, "bad_idempotency_key", False, id="bad-idempotency-key"),
        pytest.param(ANSWERS.unauthenticated("x"), 401, "unauthenticated", False, id="unauthenticated"),
        pytest.param(ANSWERS.account_suspended(), 403, "account_suspended", False, id="account-suspended"),
        pytest.param(ANSWERS.operation_not_allowed(), 403, "operation_not_allowed", False, id="operation-not-allowed"),
        pytest.param(ANSWERS.websocket_unpriced(), 403, "websocket_unpriced", False, id="websocket-unpriced"),
        pytest.param(ANSWERS.no_price("GET", "/x"), 404, "no_price", False, id="no-price"),
        pytest.param(ANSWERS.not_found("/x"), 404, "not_found", False, id="not-found"),
        pytest.param(ANSWERS.method_not_allowed("PUT", "GET, HEAD"), 405, "method_not_allowed", False, id="method"),
        pytest.param(ANSWERS.idempotency_running(), 409, "idempotency_running", True, id="still-running"),
        pytest.param(ANSWERS.idempotency_answer_gone(), 409, "idempotency_answer_gone", False, id="answer-gone"),
        pytest.param(ANSWERS.price_above_max(parse("9"), parse("5")), 412, "price_above_max", False, id="above-max"),
        pytest.param(ANSWERS.body_too_large(1024), 413, "body_too_large", False, id="body-too-large"),
        pytest.param(ANSWERS.idempotency_mismatch(), 422, "idempotency_mismatch", False, id="another-request"),
        pytest.param(ANSWERS.upstream_failed("x"), 502, "upstream_failed", True, id="upstream-failed"),
        pytest.param(ANSWERS.ledger_unavailable(), 503, "ledger_unavailable", True, id="ledger-unavailable"),
        pytest.param(ANSWERS.upstream_timeout("x"), 504, "upstream_timeout", True, id="upstream-timeout"),
    ],
)
async def test_a_refusal_names_its_code_and_takes_nothing(app: ASGIApp, status: int, code: str, retryable: bool):
    answered, headers, problem = await told(app)

    assert (answered, problem["status"], problem["code"], problem["retryable"]) == (status, status, code, retryable)
    assert problem["type"] == f"https://api.test/problems/{code.replace('_', '-')}"
    assert problem["detail"]
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-credits-consumed"] == b"0"
    assert (b"retry-after" in headers) == (code in ("idempotency_running", "ledger_unavailable"))


async def test_too_many_keys_have_the_type_that_many_apis_share():
    status, headers, problem = await told(ANSWERS.quota_exceeded(10_000, 3_600))

    assert (status, headers[b"retry-after"], headers[b"x-credits-consumed"]) == (429, b"3600", b"0")
    assert problem == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Quota exceeded",
        "status": 429,
        "detail": "The account has used 10000 Idempotency-Keys within 24 hours; send the call without one, or try "
        "again in 3600 s.",
        "code": "quota_exceeded",
        "violated-policies": ["idempotency-keys"],
        "retryable": True,
    }


@pytest.mark.parametrize(
    ("until", "helps"),
    [
        pytest.param(1_795_000_030, "try again in 30 s", id="a limit that time heals"),
        pytest.param(None, "ask for less, or for a higher limit", id="no waiting helps"),
    ],
)
async def test_a_limit_says_whose_it_is_and_when_to_come_again(until: int | None, helps: str):
    reached = Reached(level="acme/web", kind=LimitKind.MINUTE, limit=parse("50"), spent=parse("45"), until=until)
    capped = Capped(required=parse("10"), reached=reached, balance=BALANCE, now=1_795_000_000)
    status, headers, problem = await told(limit_reached(ANSWERS, capped))

    assert status == 429
    assert headers.get(b"retry-after") == (None if until is None else b"30")
    assert problem == {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Quota exceeded",
        "status": 429,
        "detail": "The account acme/web may spend 50 credits a minute and has spent 45; this request costs 10: "
        f"{helps}.",
        "code": "quota_exceeded",
        "violated-policies": ["acme/web:minute"],
        "credits_required": 10,
        "credits_limit": 50,
        "credits_spent": 45,
        "retryable": until is not None,
    }


async def test_too_many_calls_at_once_are_told_how_many_there_may_be():
    reached = Reached(level="acme", kind=LimitKind.CONCURRENT, limit=2, spent=2, until=None)
    capped = Capped(required=parse("10"), reached=reached, balance=BALANCE, now=1_795_000_000)
    status, headers, problem = await told(limit_reached(ANSWERS, capped))

    assert (status, headers[b"retry-after"], problem["retryable"]) == (429, b"1", True)
    assert problem["violated-policies"] == ["acme:concurrent"]
    assert (problem["calls_limit"], problem["calls_open"]) == (2, 2)
    assert problem["detail"] == "The account acme may make 2 calls at once; wait until one of them ends."


async def test_a_caller_is_told_how_to_say_who_it_is():
    _, headers, _ = await told(ANSWERS.unauthenticated("x"))

    assert headers[b"www-authenticate"] == b'Bearer realm="credits"'


async def test_a_method_that_is_not_allowed_is_told_those_that_are():
    _, headers, _ = await told(ANSWERS.method_not_allowed("PUT", "GET, HEAD"))

    assert headers[b"allow"] == b"GET, HEAD"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/" + "x" * 10_000, id="endless"),
        pytest.param('/"\n', id="quotes"),
        pytest.param("/\udc80", id="no-text"),
    ],
)
async def test_a_path_is_repeated_short_and_readable(path: str):
    _, _, problem = await told(ANSWERS.no_price("GET", path))

    assert problem["detail"].startswith("GET /")
    assert len(problem["detail"]) < 300


async def test_head_gets_the_head_alone():
    start, body = await sent(ANSWERS.account_suspended(), method="HEAD")

    assert int(dict(start["headers"])[b"content-length"]) > 100
    assert body["body"] == b""


async def test_the_length_is_the_bodys():
    start, body = await sent(ANSWERS.no_price("GET", "/é"))

    assert int(dict(start["headers"])[b"content-length"]) == len(body["body"])


async def test_a_handshake_gets_the_refusal_where_the_server_can_send_it():
    start, body = await sent(ANSWERS.websocket_unpriced(), type="websocket", extensions={"websocket.http.response": {}})

    assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
    assert (body["type"], json.loads(body["body"])["code"]) == ("websocket.http.response.body", "websocket_unpriced")


@pytest.mark.parametrize("extensions", [{}, {"extensions": None}, {"extensions": {"tls": {}}}])
async def test_a_handshake_is_closed_before_it_is_accepted_elsewhere(extensions: dict[str, Any]):
    messages = await sent(ANSWERS.ambiguous_path("é" * 100), type="websocket", **extensions)

    assert messages == [{"type": "websocket.close", "code": 1008, "reason": "é" * 61}]


async def test_a_document_is_sent_as_it_is():
    start, body = await sent(ANSWERS.json(b'{"ready":false}', status=503))

    assert (start["status"], dict(start["headers"])[b"content-type"]) == (503, b"application/json")
    assert body["body"] == b'{"ready":false}'


async def test_a_text_has_the_type_that_it_is_given():
    start, _ = await sent(ANSWERS.plain(b"a 1\n", "text/plain; version=0.0.4"))

    assert (start["status"], dict(start["headers"])[b"content-type"]) == (200, b"text/plain; version=0.0.4")

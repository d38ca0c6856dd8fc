"""Calls that share an ``Idempotency-Key``: one is made and charged, and all get its answer."""

import asyncio

import pytest
import redis

from meter.credits import parse
from meter.gateway.beginning import Beginning
from meter.gateway.metrics import exposition
from meter.gateway.served import FAILURE
from meter.ledger.claims import KEPT_SECONDS, Claim
from meter.ledger.engine import RedisLedger
from meter.ledger.ids import operation_id
from meter.ledger.promise import Grant, GrantKind, LedgerUnavailable, Status
from meter.policy.ends import End
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms
from tests.support.asgi import GONE, Exchange, answering, call, saying, scope_of, staying, until
from tests.support.claims import lapse
from tests.support.metering import OBSERVED, POLICY, metered

POST = "POST /v1/item"
KEY = ("Idempotency-Key", "8e03978e-40d5-43dd-bc93-6894a57f9324")
EVENTS = (b"content-type", b"text/event-stream")


def replayed(answer: Exchange) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


def without_mark(answer: Exchange) -> list[dict]:
    """All that was sent, without the header that says that it was sent before."""
    start, *rest = answer.sent
    kept = [pair for pair in start["headers"] if pair[0] != b"idempotent-replayed"]
    return [{**start, "headers": kept}, *rest]


class Slow:
    """An app that answers when it is told to."""

    def __init__(self, app=None):
        self.calls = 0
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self._app = app or answering()

    async def __call__(self, scope, receive, send):
        assert scope["type"] == "http"
        self.calls += 1
        self.begun.set()
        async with asyncio.timeout(20):
            await self.go_on.wait()
        await self._app(scope, receive, send)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_retry_gets_the_same_answer_and_costs_nothing(store_url, tmp_path, method):
    app = answering(b'{"a": 1}', (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"), status=201)
    async with metered(app, tmp_path, store_url) as here:
        first = await call(here.app, f"{method} /v1/item", KEY, body=b"x")
        again = await call(here.app, f"{method} /v1/item", KEY, body=b"x")
        consumed = await here.books.consumed()

    assert (first.status, first.consumed, replayed(first)) == (201, "5", False)
    assert (again.sent[0]["status"], replayed(again)) == (201, True)
    assert without_mark(again) == first.sent
    assert (len(app.seen), consumed) == (1, 5)


async def test_an_answer_is_kept_with_what_it_tells_of_credits(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        await call(here.app, POST, KEY)
        await call(here.app, POST)
        again = await call(here.app, POST, KEY)

    assert (again.consumed, again.remaining) == ("5", "995")
    assert again.json["meta"]["credits_remaining"] == 995


@pytest.mark.parametrize("body", [b"", bytes(range(256)), "é€😀".encode(), b'{"a":"\xff"}'], ids=repr)
async def test_every_byte_of_a_body_comes_back(store_url, tmp_path, body):
    app = answering(body, (b"x-odd", bytes(range(0x80, 0x100))), content=(b"content-type", b"image/png"))
    async with metered(app, tmp_path, store_url) as here:
        first, again = [await call(here.app, POST, KEY) for _ in range(2)]

    assert (again.body, without_mark(again)) == (body, first.sent)


async def test_a_call_of_many_pieces_comes_back_whole(store_url, tmp_path):
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"one ", b"two ", b"three"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with metered(app, tmp_path, store_url) as here:
        await call(here.app, POST, KEY)
        again = await call(here.app, POST, KEY)

    assert again.body == b"one two three"


async def test_of_a_hundred_calls_at_once_one_is_made(store_url, tmp_path):
    app = Slow()
    async with metered(app, tmp_path, store_url) as here:
        calls = [asyncio.create_task(call(here.app, POST, KEY)) for _ in range(100)]
        await until(lambda: sum(one.done() for one in calls) == 99)
        app.go_on.set()
        answers = await asyncio.gather(*calls)
        after = [await call(here.app, POST, KEY) for _ in range(100)]
        consumed = await here.books.consumed()
        kinds = await here.books.kinds()

    (served,) = [answer for answer in answers if answer.status == 200]
    refused = [answer for answer in answers if answer.status == 409]
    assert {(one.json["code"], one.json["retryable"], one.headers["retry-after"], one.consumed) for one in refused} == {
        ("idempotency_running", True, "1", "0")
    }
    assert [without_mark(answer) for answer in after] == [served.sent] * 100
    assert (app.calls, consumed, kinds.count("charge")) == (1, 5, 1)


@pytest.mark.parametrize("end", ["served", "refused", "failed"])
async def test_whoever_has_the_last_byte_can_ask_again(store_url, tmp_path, end):
    """A retry that comes before anything else is done is never told that the call still runs."""
    asked = []

    async def app(scope, receive, send):
        if scope["type"] == "http" and end == "failed":
            scope[FAILURE] = End.TIMEOUT
        await answering(b"{}", status=504 if end == "failed" else 200)(scope, receive, send)

    async def send(message):
        if message["type"] == "http.response.body" and not message.get("more_body"):
            asked.append(await call(here.app, POST, KEY, *headers))

    headers = [("Credits-Max", "4")] if end == "refused" else []
    async with metered(app, tmp_path, store_url) as here:
        await here.app(scope_of(POST, [KEY, *headers]), staying(), send)

    (again,) = asked
    assert again.status == {"served": 200, "refused": 412, "failed": 504}[end]
    assert replayed(again) == (end == "served")


@pytest.mark.parametrize("status", [400, 404, 409, 429, 500, 503])
async def test_an_error_of_the_app_is_an_answer(store_url, tmp_path, status):
    app = answering(b"{}", status=status)
    async with metered(app, tmp_path, store_url) as here:
        first, again = [await call(here.app, POST, KEY) for _ in range(2)]

    assert (without_mark(again), len(app.seen)) == (first.sent, 1)


@pytest.mark.parametrize(
    ("line", "body"),
    [
        pytest.param("PATCH /v1/item", b"x", id="method"),
        pytest.param("POST /v1/item?a=1", b"x", id="query"),
        pytest.param("POST /v1/analysis", b"x", id="path"),
        pytest.param("POST /v1/item", b"y", id="body"),
        pytest.param("POST /v1/item", b"", id="no body"),
    ],
)
async def test_another_request_with_the_same_key_is_refused(store_url, tmp_path, line, body):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        await call(here.app, POST, KEY, body=b"x")
        answer = await call(here.app, line, KEY, body=body)
        consumed = await here.books.consumed()

    assert (answer.status, answer.json["code"], answer.consumed) == (422, "idempotency_mismatch", "0")
    assert (len(app.seen), consumed) == (1, 5)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("GET /v1/item", ("Idempotency-Key", "k"), id="a method that may be repeated"),
        pytest.param(POST, ("X-Other", "k"), id="no key"),
    ],
)
async def test_a_call_without_claim_is_made_each_time(store_url, tmp_path, one, other):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        answers = [await call(here.app, one, other) for _ in range(2)]

    assert [answer.consumed for answer in answers] == ["5", "5"]
    assert len(app.seen) == 2


async def test_a_call_that_is_observed_is_made_each_time(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url, OBSERVED) as here:
        answers = [await call(here.app, POST, KEY) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert len(app.seen) == 2


async def test_keys_are_an_accounts_own(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        answers = [await call(here.app, POST, KEY, ("X-Account", name)) for name in ("acme", "bolt", "acme/web")]

    assert [replayed(answer) for answer in answers] == [False] * 3
    assert len(app.seen) == 3


async def test_two_keys_of_an_account_share_its_answers_and_a_revoked_one_gets_none(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, identify=None) as here:
        await here.books.open("acme", Terms(plan="small", included=parse("1000"), period=PeriodUnit.MONTH))
        (one, first), (other, _) = [await here.books.key("acme") for _ in range(2)]
        await call(here.app, POST, KEY, ("X-API-Key", one))
        shared = await call(here.app, POST, KEY, ("X-API-Key", other))
        await here.books.ledger.revoke_key(first.shard, first.hash, op="r")
        revoked = await call(here.app, POST, KEY, ("X-API-Key", one))

    assert replayed(shared)
    assert (revoked.status, revoked.json["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("written", ["", '""', "a b", 'a"b', "a,b", "k" * 256, f'"{"k" * 256}"', '"a', "é"], ids=repr)
async def test_what_is_no_key_is_refused(store_url, tmp_path, written):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        answer = await call(here.app, POST, ("Idempotency-Key", written))

    assert (answer.status, answer.json["code"], answer.consumed) == (400, "bad_idempotency_key", "0")
    assert app.seen == []


async def test_a_key_is_the_same_quoted_and_bare(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        await call(here.app, POST, ("Idempotency-Key", "k-1"))
        again = await call(here.app, POST, ("Idempotency-Key", '"k-1"'))

    assert replayed(again)


async def test_a_refusal_is_not_remembered(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        dear = await call(here.app, POST, KEY, ("Credits-Max", "4"))
        bad = await call(here.app, POST, KEY, ("Credits-Max", "x"))
        served = await call(here.app, POST, KEY)

    assert (dear.status, bad.status, served.status, served.consumed) == (412, 400, 200, "5")


async def test_a_call_refused_for_want_of_credits_may_be_tried_again(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, POLICY.replace("1000,", "4,")) as here:
        short = await call(here.app, POST, KEY)
        await here.books.ledger.grant("acme", Grant(id="more", kind=GrantKind.PROMO, amount=parse("100")))
        served = await call(here.app, POST, KEY)

    assert (short.status, served.status, replayed(served)) == (402, 200, False)


async def test_a_suspended_account_is_refused_though_its_answer_is_kept(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        await call(here.app, POST, KEY)
        await here.books.ledger.set_status("acme", Status.SUSPENDED, op="stop")
        answer = await call(here.app, POST, KEY)

    assert (answer.status, answer.json["code"]) == (403, "account_suspended")


async def test_an_account_that_nobody_opened_is_refused_and_claims_nothing(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, open_accounts=None) as here:
        answer = await call(here.app, POST, KEY)

    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("step", ["claim", "drop_claim"])
async def test_a_store_that_is_away_is_a_503_and_the_call_may_be_tried_again(store_url, tmp_path, monkeypatch, step):
    async def away(*_, **__):
        raise LedgerUnavailable("away", fate_unknown=True)

    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        with monkeypatch.context() as patched:
            patched.setattr(RedisLedger, "claim" if step == "claim" else "charge", away)
            patched.setattr(RedisLedger, "drop_claim", away)
            refused = await call(here.app, POST, KEY)
        await until(lambda: is_served(here))

    assert (refused.status, refused.json["code"]) == (503, "ledger_unavailable")
    assert len(app.seen) == 1


async def is_served(here):
    return (await call(here.app, POST, KEY)).status == 200


async def test_a_call_that_its_proxy_got_no_answer_for_may_be_tried_again(store_url, tmp_path):
    failures = iter([End.TIMEOUT])
    inner = answering()

    async def app(scope, receive, send):
        if scope["type"] == "http" and (failure := next(failures, None)):
            scope[FAILURE] = failure
            await answering(b"{}", status=504)(scope, receive, send)
            return
        await inner(scope, receive, send)

    async with metered(app, tmp_path, store_url) as here:
        failed, served = [await call(here.app, POST, KEY) for _ in range(2)]
        consumed = await here.books.consumed()

    assert (failed.status, served.status, replayed(served), consumed) == (504, 200, False, 5)


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(answering(b"x" * 64 * 1024), id="too large"),
        pytest.param(answering(b"x", (b"x-long", b"x" * 64 * 1024)), id="too large a head"),
        pytest.param(answering(b"data: 1\n\n", content=EVENTS), id="a stream"),
        pytest.param(answering(b"{}\n", content=(b"content-type", b"application/x-ndjson; charset=utf-8")), id="lines"),
    ],
)
async def test_what_can_not_be_given_again_is_remembered_as_gone(store_url, tmp_path, app):
    async with metered(app, tmp_path, store_url) as here:
        first, again = [await call(here.app, POST, KEY) for _ in range(2)]
        consumed = await here.books.consumed()

    assert (first.status, again.status, again.json["code"]) == (200, 409, "idempotency_answer_gone")
    assert (again.json["retryable"], again.consumed, consumed) == (False, "0", 5)


async def test_the_largest_answer_that_is_kept_is_kept(store_url, tmp_path):
    async with metered(answering(b"x", content=(b"a", b"b")), tmp_path, store_url) as here:
        first = await call(here.app, POST, ("Idempotency-Key", "a"))
        room = 64 * 1024 - sum(len(name) + len(value) for name, value in first.sent[0]["headers"])
    sizes = {}
    for size in (room, room + 1):
        async with metered(answering(b"x" * size, content=(b"a", b"b")), tmp_path, store_url) as here:
            one = ("Idempotency-Key", str(size))
            sizes[size] = [(await call(here.app, POST, one)).status, (await call(here.app, POST, one)).status]

    assert sizes == {room: [200, 200], room + 1: [200, 409]}


async def test_a_policy_may_keep_no_answers(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url, POLICY + "retries: refuse\n") as here:
        first, again = [await call(here.app, POST, KEY) for _ in range(2)]

    assert (first.status, again.status, again.json["code"]) == (200, 409, "idempotency_answer_gone")
    assert len(app.seen) == 1


async def test_an_app_that_raises_before_it_answers_may_be_tried_again(store_url, tmp_path):
    failures = iter([True])
    inner = answering()

    async def app(scope, receive, send):
        if scope["type"] == "http" and next(failures, False):
            raise RuntimeError("broken")
        await inner(scope, receive, send)

    async with metered(app, tmp_path, store_url) as here:
        with pytest.raises(RuntimeError, match="broken"):
            await call(here.app, POST, KEY)
        served = await call(here.app, POST, KEY)
        consumed = await here.books.consumed()

    assert (served.status, consumed) == (200, 5)


@pytest.mark.parametrize(
    ("share", "told", "price"),
    [
        pytest.param("full", "idempotency_answer_gone", 5, id="charged"),
        pytest.param("none", None, 0, id="not charged"),
    ],
)
async def test_an_answer_that_broke_off_is_gone_where_it_was_charged(store_url, tmp_path, share, told, price):
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("broken")

    policy = POLICY.replace("plans:", f"charge: {{raised_midway: {share}}}\nplans:")
    async with metered(app, tmp_path, store_url, policy) as here:
        with pytest.raises(RuntimeError, match="broken"):
            await call(here.app, POST, KEY)
        consumed = await here.books.consumed()
        if told is None:
            with pytest.raises(RuntimeError, match="broken"):
                await call(here.app, POST, KEY)
        else:
            assert (await call(here.app, POST, KEY)).json["code"] == told

    assert consumed == price


async def test_a_call_that_is_cancelled_and_not_charged_may_be_tried_again(store_url, tmp_path):
    app = Slow()
    async with metered(app, tmp_path, store_url) as here:
        running = asyncio.create_task(call(here.app, POST, KEY))
        await app.begun.wait()
        running.cancel()
        await asyncio.wait([running])
        app.go_on.set()
        served = await call(here.app, POST, KEY)
        consumed = await here.books.consumed()

    assert (served.status, replayed(served), app.calls, consumed) == (200, False, 2, 5)


async def test_a_caller_that_leaves_before_its_body_is_complete_has_made_no_call(store_url, tmp_path):
    app = answering()
    exchange = Exchange(scope_of(POST, [KEY]))
    async with metered(app, tmp_path, store_url) as here:
        await here.app(
            exchange.scope, saying({"type": "http.request", "body": b"x", "more_body": True}, GONE), exchange.send
        )
        served = await call(here.app, POST, KEY)
        consumed = await here.books.consumed()

    assert (exchange.sent, served.status, len(app.seen), consumed) == ([], 200, 1, 5)


class Leaving:
    """A caller that leaves when its call is being served."""

    def __init__(self, first):
        self._first = [first]
        self.begun = asyncio.Event()
        self.has_left = asyncio.Event()

    async def __call__(self):
        if self._first:
            return self._first.pop()
        async with asyncio.timeout(20):
            await self.begun.wait()
        self.has_left.set()
        return GONE


WHOLE = {"type": "http.request", "body": b"", "more_body": False}


async def test_a_caller_that_leaves_gets_its_answer_when_it_comes_again(store_url, tmp_path):
    """The call runs on: its app is told that the caller has left when there is nothing left to do for a retry."""
    caller, told = Leaving(WHOLE), []
    inner = answering()

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await receive()
        caller.begun.set()
        leaving = asyncio.create_task(receive())
        await caller.has_left.wait()
        await inner(scope, receive, noting(send, lambda: told.append(leaving.done())))
        async with asyncio.timeout(20):
            told.append(await leaving)

    exchange = Exchange(scope_of(POST, [KEY]))
    async with metered(app, tmp_path, store_url) as here:
        await here.app(exchange.scope, caller, exchange.send)
        again = await call(here.app, POST, KEY)
        consumed = await here.books.consumed()

    assert told == [False, False, GONE]
    assert (again.status, replayed(again), consumed) == (200, True, 5)


def noting(send, before):
    """A ``send`` that looks first."""

    async def sent(message):
        before()
        await send(message)

    return sent


async def test_an_app_hears_at_once_that_the_caller_of_a_stream_has_left(store_url, tmp_path):
    caller = Leaving(WHOLE)

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await receive()
        caller.begun.set()
        leaving = asyncio.create_task(receive())
        await caller.has_left.wait()
        assert not leaving.done()
        await send({"type": "http.response.start", "status": 200, "headers": [EVENTS]})
        async with asyncio.timeout(20):
            assert await leaving == GONE

    exchange = Exchange(scope_of(POST, [KEY]))
    async with metered(app, tmp_path, store_url) as here:
        await here.app(exchange.scope, caller, exchange.send)
        again = await call(here.app, POST, KEY)

    assert again.json["code"] == "idempotency_answer_gone"


async def test_an_app_hears_at_once_that_the_caller_has_left_in_the_middle_of_a_long_body(store_url, tmp_path):
    part = {"type": "http.request", "body": b"x" * 70_000, "more_body": True}
    caller, heard = Leaving(part), []

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        caller.begun.set()
        async with asyncio.timeout(20):
            heard.extend([await receive(), await receive()])
        await answering()(scope, receive, send)

    exchange = Exchange(scope_of(POST, [KEY]))
    async with metered(app, tmp_path, store_url) as here:
        await here.app(exchange.scope, caller, exchange.send)

    assert heard == [part, GONE]


async def test_a_call_whose_caller_left_while_it_was_opened_is_not_made(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr("meter.gateway.meter.LONG_SECONDS", 0)
    app = answering()
    exchange = Exchange(scope_of(POST, [KEY]))
    async with metered(app, tmp_path, store_url) as here:
        await here.app(exchange.scope, saying(WHOLE, GONE), exchange.send)
        left = len(app.seen), await here.books.consumed()
        served = await call(here.app, POST, KEY)

    assert (left, exchange.sent) == ((0, 0), [])
    assert (served.status, replayed(served)) == (200, False)


PIECES = [b"a" * 40_000, b"b" * 40_000, b"c" * 10]


@pytest.mark.parametrize("pieces", [[b"x"], [], [b"", b"x", b""], PIECES, [b"x" * 64 * 1024], [b"x" * 64 * 1024, b""]])
async def test_a_request_reaches_the_app_as_it_came(store_url, tmp_path, pieces):
    seen = []

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        while True:
            seen.append(await receive())
            if not seen[-1].get("more_body"):
                break
        await answering()(scope, receive, send)

    sent = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    sent.append({"type": "http.request", "body": b"", "more_body": False})
    exchange = Exchange(scope_of(POST, [KEY]))
    async with metered(app, tmp_path, store_url) as here:
        await here.app(exchange.scope, saying(*sent), exchange.send)

    assert (exchange.status, seen) == (200, sent)


async def test_the_rest_of_a_long_body_is_read_when_the_app_asks_for_it(store_url, tmp_path):
    asked = []

    async def receive():
        asked.append(1)
        assert len(asked) < 10
        return {"type": "http.request", "body": b"x" * 40_000, "more_body": True}

    exchange = Exchange(scope_of(POST, [KEY]))
    async with metered(answering(), tmp_path, store_url) as here:
        await here.app(exchange.scope, receive, exchange.send)

    assert (exchange.status, len(asked)) == (200, 2)


@pytest.mark.parametrize("cut", [1, 7, 65_536, 65_537])
async def test_a_request_is_the_same_however_its_body_is_cut(store_url, tmp_path, cut):
    body = bytes(range(256)) * 300
    length = ("Content-Length", str(len(body)))
    exchange = Exchange(scope_of(POST, [KEY, length]))
    pieces = [body[:cut], body[cut:]]
    messages = [{"type": "http.request", "body": piece, "more_body": piece is pieces[0]} for piece in pieces]
    async with metered(answering(), tmp_path, store_url) as here:
        await call(here.app, POST, KEY, length, body=body)
        await here.app(exchange.scope, saying(*messages), exchange.send)

    assert replayed(exchange)


@pytest.mark.parametrize(
    ("other", "status"),
    [
        pytest.param(b"x" * 65_536 + b"y" * 10, 200, id="the same up to the limit, and as long"),
        pytest.param(b"x" * 65_536 + b"x" * 11, 422, id="longer"),
        pytest.param(b"x" * 65_536, 422, id="not beyond the limit"),
        pytest.param(b"x" * 65_535 + b"y" + b"x" * 10, 422, id="another last byte before the limit"),
    ],
)
async def test_a_long_body_is_told_apart_by_its_beginning_and_its_length(store_url, tmp_path, other, status):
    async with metered(answering(), tmp_path, store_url) as here:
        for body in (b"x" * 65_546, other):
            answer = await call(here.app, POST, KEY, ("Content-Length", str(len(body))), body=body)

    assert answer.status == status


async def test_an_account_with_too_many_keys_is_told_when_to_come_again(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr(RedisLedger.claim, "__kwdefaults__", {**RedisLedger.claim.__kwdefaults__, "keys_max": 2})
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        answers = [await call(here.app, POST, ("Idempotency-Key", key)) for key in "abca"]
        consumed = await here.books.consumed()

    refused = answers[2]
    assert [answer.status for answer in answers] == [200, 200, 429, 200]
    assert refused.json["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert (refused.json["code"], refused.json["violated-policies"]) == ("quota_exceeded", ["idempotency-keys"])
    assert KEPT_SECONDS - 60 < int(refused.headers["retry-after"]) <= KEPT_SECONDS
    assert (len(app.seen), consumed, refused.consumed) == (2, 10, "0")


async def test_a_call_whose_worker_died_before_it_was_charged_is_made_by_its_retry(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        await call(here.app, POST)
        dead = await claimed_by_another_worker(here)
        running = await call(here.app, POST, KEY)
        with redis.Redis.from_url(store_url) as client:
            lapsed = lapse(client)
        served, again = [await call(here.app, POST, KEY) for _ in range(2)]
        charges = [entry["op"] for entry in await here.books.entries() if entry["kind"] == "charge"]

    assert (running.status, lapsed, served.status, replayed(again)) == (409, 1, 200, True)
    assert len(charges) == 2
    assert dead.op not in charges


async def test_a_call_whose_worker_died_after_it_was_charged_is_gone(store_url, tmp_path):
    app = Slow()
    async with metered(app, tmp_path, store_url) as here:
        running = asyncio.create_task(call(here.app, POST, KEY))
        await app.begun.wait()
        with redis.Redis.from_url(store_url) as client:
            lapse(client)
        again = await call(here.app, POST, KEY)
        app.go_on.set()
        served = await running
        later = await call(here.app, POST, KEY)
        consumed = await here.books.consumed()

    assert (again.status, again.json["code"]) == (409, "idempotency_answer_gone")
    assert without_mark(later) == served.sent
    assert (app.calls, consumed) == (1, 5)


async def claimed_by_another_worker(here) -> Claim:
    """Claim the key for the plain call as a worker does that dies right after."""
    begun = Beginning(messages=({"type": "http.request", "body": b""},), whole=True)
    claim = Claim.of("acme", KEY[1], operation_id(here.books.ledger.now()))
    assert await here.books.ledger.claim(claim, fingerprint=begun.fingerprint(scope_of(POST))) == claim
    return claim


async def test_what_is_refused_and_what_is_given_again_is_counted(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        before = [figure(name) for name in COUNTED]
        await call(here.app, POST, KEY)
        await call(here.app, POST, KEY)
        await call(here.app, POST, KEY, body=b"other")
        after = [figure(name) for name in COUNTED]

    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1]


COUNTED = ('credits_replayed_total{operation="item"}', 'credits_rejected_total{reason="idempotency_mismatch"}')


def figure(name: str) -> float:
    lines = exposition()[0].decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0)


async def test_two_members_of_one_payer_may_use_the_same_key(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        await here.books.open("acme", Terms(plan="small", included=parse("1000"), period=PeriodUnit.MONTH))
        members = [f"acme/{name}" for name in ("web", "team")]
        for name in members:
            await here.books.open(name, Terms(plan="", included=parse("0"), period=PeriodUnit.NONE, payer="acme"))
        answers = [await call(here.app, POST, KEY, ("X-Account", name)) for name in (*members, *members)]
        consumed = await here.books.consumed("acme")

    assert [replayed(answer) for answer in answers] == [False, False, True, True]
    assert len(app.seen) == 2
    assert consumed == 10

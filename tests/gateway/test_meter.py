"""The metering of one call, from its match to its answer, on a real store."""

import asyncio
import json
from pathlib import Path

import pytest

from meter.credits import parse
from meter.ledger.promise import Status
from tests.support.asgi import Exchange, answering, call, saying, scope_of, until
from tests.support.metering import OBSERVED, POLICY, metered

FREE = POLICY.replace("version: 1", "version: 1\nunmatched: free")
ORIGIN = (("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST"))


async def test_a_call_costs_what_the_policy_says(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        answer = await call(here.app)
        consumed = await here.books.consumed()

    assert (answer.status, answer.consumed, answer.remaining) == (200, "5", "995")
    assert answer.json["meta"]["credits_remaining"] == 995
    assert consumed == 5


async def test_a_free_route_goes_straight_to_the_app(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        answer = await call(here.app, "GET /health")

    assert (answer.status, answer.consumed, answer.body) == (200, None, b'{"a": 1}')


@pytest.mark.parametrize("line", ["GET /v1/item", "GET /health"])
async def test_the_app_cannot_tell_of_credits_in_our_name(store_url, tmp_path, line):
    app = answering(b"{}", (b"X-Credits-Remaining", b"1000000"), (b"credits-price", b"1"))
    async with metered(app, tmp_path, store_url) as here:
        answer = await call(here.app, line)

    assert "1000000" not in answer.headers.values()
    assert "credits-price" not in answer.headers


async def test_a_refused_call_never_reaches_the_app(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url, POLICY.replace("1000,", "4,")) as here:
        answer = await call(here.app)

    assert answer.status == 402
    assert app.seen == []


async def test_a_refusal_says_what_is_missing(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, POLICY.replace("1000,", "40,")) as here:
        answer = await call(here.app, "POST /v1/analysis")

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.consumed, answer.remaining) == ("0", "40")
    assert answer.headers["link"] == '</credits>; rel="status"'
    assert "retry-after" not in answer.headers
    assert {name: answer.json[name] for name in ("code", "credits_required", "credits_remaining")} == {
        "code": "insufficient_credits",
        "credits_required": 100,
        "credits_remaining": 40,
    }
    assert answer.json["credits_shortfall"] == 60


async def test_an_operator_may_refuse_with_another_status(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, POLICY.replace("1000,", "4,"), exhausted_status=429) as here:
        answer = await call(here.app)

    assert (answer.status, answer.json["status"], answer.json["code"]) == (429, 429, "insufficient_credits")


@pytest.mark.parametrize(
    ("line", "header", "refusal"),
    [
        pytest.param("GET /v2/item", None, (404, "no_price"), id="no route"),
        pytest.param("GET /v1/analysis", None, (404, "no_price"), id="no route of this method"),
        pytest.param("GET /v1/item", ("Credits-Max", "nan"), (400, "bad_credits_max"), id="Credits-Max is no amount"),
        pytest.param("GET /v1/item", ("Credits-Max", "4"), (412, "price_above_max"), id="dearer than Credits-Max"),
        pytest.param("GET /v1/item", ("X-Account", "a b"), (401, "unauthenticated"), id="no account id"),
    ],
)
async def test_a_call_that_cannot_be_charged_is_refused(store_url, tmp_path, line, header, refusal):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        answer = await call(here.app, line, *([header] if header else []))
        consumed = await here.books.consumed()

    assert (answer.status, answer.json["code"]) == refusal
    assert (answer.consumed, app.seen, consumed) == ("0", [], 0)


async def test_what_a_call_may_cost_is_no_more_than_its_caller_says(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        answer = await call(here.app, "GET /v1/item", ("Credits-Max", "5"))

    assert (answer.status, answer.consumed) == (200, "5")


async def test_a_suspended_account_is_refused_until_it_is_resumed(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        await call(here.app)
        await here.books.ledger.set_status("acme", Status.SUSPENDED, op="stop")
        refused = await call(here.app)
        await here.books.ledger.set_status("acme", Status.ACTIVE, op="go")
        served = await call(here.app)

    assert (refused.status, refused.json["code"]) == (403, "account_suspended")
    assert (served.status, served.remaining) == (200, "990")


async def test_an_account_that_nobody_opened_is_refused(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, open_accounts=None) as here:
        answer = await call(here.app)

    assert (answer.status, answer.json["detail"]) == (401, "The account 'acme' has not been opened.")


async def test_a_thousand_first_calls_open_an_account_once(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, POLICY.replace("1000,", "2500,")) as here:
        answers = await asyncio.gather(*(call(here.app) for _ in range(1000)))
        kinds = await here.books.kinds()
        books = await here.books.of()

    served = [answer for answer in answers if answer.status == 200]
    assert (len(served), kinds.count("open"), kinds.count("charge")) == (500, 1, 500)
    assert {answer.status for answer in answers} == {200, 402}
    assert books.remaining == 0


async def test_head_has_the_price_of_get_and_no_body(store_url, tmp_path):
    async with metered(answering(b"", (b"content-length", b"8")), tmp_path, store_url) as here:
        answer = await call(here.app, "HEAD /v1/item")

    assert (answer.consumed, answer.body) == ("5", b"")
    assert "content-length" not in answer.headers


async def test_a_refused_head_has_the_headers_of_the_refusal_and_no_body(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, POLICY.replace("1000,", "4,")) as here:
        answer = await call(here.app, "HEAD /v1/item")

    assert (answer.status, answer.body) == (402, b"")


async def test_options_is_a_call_like_any_other(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        answer = await call(here.app, "OPTIONS /v1/item")

    assert answer.consumed == "5"


async def test_a_preflight_carries_no_key_and_costs_nothing(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        answers = [await call(here.app, f"OPTIONS {path}", *ORIGIN) for path in ("/v1/item", "/v1/analysis")]

    assert [(answer.status, answer.consumed) for answer in answers] == [(200, None), (200, None)]
    assert len(app.seen) == 2


@pytest.mark.parametrize("missing", ORIGIN, ids=["not from a page", "asks for no method"])
async def test_half_a_preflight_is_none(store_url, tmp_path, missing):
    async with metered(answering(), tmp_path, store_url) as here:
        answer = await call(here.app, "OPTIONS /v1/item", *(pair for pair in ORIGIN if pair != missing))

    assert answer.consumed == "5"


async def test_a_mounted_app_is_matched_by_the_path_that_it_routes_on(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        answer = await call(here.app, "GET /api/v1/item", root_path="/api")

    assert answer.consumed == "5"


@pytest.mark.parametrize("kind", ["without a price", "at a desk"])
async def test_a_websocket_that_has_no_price_is_refused_before_it_is_accepted(store_url, tmp_path, kind):
    app, path = answering(), {"without a price": "/v2", "at a desk": "/_meter/health"}[kind]
    policy = FREE if kind == "at a desk" else POLICY
    async with metered(app, tmp_path, store_url, policy) as here:
        exchange = Exchange(scope_of(f"GET {path}", type="websocket"))
        del exchange.scope["method"]
        await here.app(exchange.scope, saying({"type": "websocket.connect"}), exchange.send)

    assert [message["type"] for message in exchange.sent] == ["websocket.close"]
    assert exchange.sent[0]["code"] == 1008
    assert app.seen == []


async def test_a_refused_websocket_is_answered_where_the_server_can(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        scope = scope_of("GET /v2", type="websocket", extensions={"websocket.http.response": {}})
        exchange = Exchange(scope)
        await here.app(scope, saying({"type": "websocket.connect"}), exchange.send)

    assert exchange.sent[0]["status"] == 403


@pytest.mark.parametrize("policy", [POLICY, OBSERVED], ids=["free", "observed"])
async def test_a_websocket_that_takes_nothing_passes(store_url, tmp_path, policy):
    reached = []

    async def app(scope, receive, send):
        if scope["type"] == "websocket":
            reached.append(scope["path"])

    path = "/health" if policy is POLICY else "/v1/item"
    async with metered(app, tmp_path, store_url, policy) as here:
        await here.app(scope_of(f"GET {path}", type="websocket"), saying(), None)

    assert reached == [path]


async def test_other_scopes_pass_as_they_are(store_url, tmp_path):
    reached = []

    async def app(scope, receive, send):
        reached.append(scope["type"])

    async with metered(app, tmp_path, store_url) as here:
        await here.app({"type": "something.new"}, saying(), None)

    assert reached[1:] == ["something.new"]


async def test_a_query_that_prices_a_call_is_read(store_url, tmp_path):
    policy = POLICY.replace("credits: 5", "credits: {base: 1, per: {query.limit: 0.01}, at_most: 100}")
    async with metered(answering(), tmp_path, store_url, policy) as here:
        answers = [await call(here.app, f"GET /v1/item?limit={limit}") for limit in ("100", "no-number")]

    assert [answer.consumed for answer in answers] == ["2", "100"]


async def test_a_reload_prices_the_calls_that_begin_after_it(store_url, tmp_path):
    begun, go_on = asyncio.Event(), asyncio.Event()
    inner = answering()

    async def app(scope, receive, send):
        if scope["method"] == "PUT":
            begun.set()
            await go_on.wait()
        await inner(scope, receive, send)

    rich = POLICY.replace("1000,", "1000000,")

    async with metered(app, tmp_path, store_url, rich) as here:

        async def is_in_force():
            return (await call(here.app)).consumed == "7"

        slow = asyncio.create_task(call(here.app, "PUT /v1/item"))
        await begun.wait()
        here.policy_file.write_text(rich.replace("credits: 5", "credits: 7"))
        await until(is_in_force)
        go_on.set()
        before = await slow

    assert (before.status, before.consumed) == (200, "5")


async def test_a_changed_commitment_counts_from_the_next_call_on(store_url, tmp_path):
    policy = POLICY + "adjustments:\n  - {name: commitment, commitment: {1000: 0.4}}\n"
    async with metered(answering(), tmp_path, store_url, policy) as here:
        first = await call(here.app)
        books = await here.books.of()
        terms = books.account.terms
        await here.books.ledger.set_terms(
            "acme",
            type(terms)(plan=terms.plan, included=terms.included, period=terms.period, commitment=parse("1000")),
            op="more",
        )
        limited = await call(here.app, "GET /v1/item", ("Credits-Max", "2"))
        second = await call(here.app)

    assert (first.consumed, limited.consumed, second.consumed) == ("5", "2", "2")


async def test_an_account_that_was_lost_is_opened_again_by_the_next_call(store_url, store_server, tmp_path):
    import redis

    async with metered(answering(), tmp_path, store_url) as here:
        await call(here.app)
        with redis.Redis.from_url(store_url) as client:
            client.flushall()
        answer = await call(here.app)

    assert (answer.status, answer.remaining) == (200, "995")


SUITE = sorted((Path(__file__).parents[1] / "json-test-suite").glob("*.json"))
OBJECTS = 13


async def test_every_valid_object_gets_its_members_and_all_else_passes_byte_for_byte(store_url, tmp_path):
    """Each file of the suite as an app's body, through the whole middleware."""
    answers = {}
    async with metered(echo, tmp_path, store_url, POLICY.replace("1000,", "100000,")) as here:
        for file in SUITE:
            answers[file.name] = await call(here.app, "POST /v1/item", body=file.read_bytes())
    changed = [file for file in SUITE if answers[file.name].body != file.read_bytes()]
    objects = [file for file in SUITE if is_object(file.read_bytes())]

    assert changed == objects
    assert [file.name for file in objects if without_meta(answers[file.name]) != file.read_bytes()] == []
    assert {answer.headers["content-length"] == str(len(answer.body)) for answer in answers.values()} == {True}
    assert (len(SUITE), len(objects)) == (318, OBJECTS)


async def echo(scope, receive, send):
    """Answer with the body that came."""
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    body = (await receive())["body"]
    head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


def is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body.decode("utf-8"), parse_constant=refused), dict)
    except (ValueError, RecursionError):
        return False


def refused(name: str) -> None:
    raise ValueError(name)


def without_meta(answer: Exchange) -> bytes:
    """The body of an answer that is valid JSON, with the one insertion cut out again."""
    members = json.dumps(answer.json["meta"], separators=(",", ":"))
    before, _, after = answer.body.rpartition(b'"meta":' + members.encode())
    return before.removesuffix(b",") + after


async def test_nobody_waits_for_a_socket_whose_caller_says_nothing(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr("meter.gateway.meter.LONG_SECONDS", 0.0)
    reached = []

    async def app(scope, receive, send):
        if scope["type"] == "websocket":
            reached.append(scope["path"])

    async with metered(app, tmp_path, store_url, OBSERVED) as here, asyncio.timeout(5):
        await here.app(scope_of("GET /v1/item", type="websocket"), saying(), None)

    assert reached == ["/v1/item"]


async def test_an_operation_that_the_plan_has_not_got_is_refused_before_any_debit(store_url, tmp_path):
    app = answering()
    policy = POLICY.replace("included: 1000,", "included: 1000, operations: [ana*],")
    async with metered(app, tmp_path, store_url, policy) as here:
        refused = await call(here.app)
        allowed = await call(here.app, "POST /v1/analysis")
        consumed = await here.books.consumed()

    assert (refused.status, refused.json["code"]) == (403, "operation_not_in_plan")
    assert (allowed.status, len(app.seen), consumed) == (200, 1, 100)


async def test_a_plans_discount_is_taken_off_the_price(store_url, tmp_path):
    policy = POLICY.replace("included: 1000,", "included: 1000, discount: 0.9,")
    async with metered(answering(), tmp_path, store_url, policy) as here:
        answer = await call(here.app, "POST /v1/analysis")

    assert (answer.consumed, answer.remaining) == ("90", "910")

"""How a call ends, and what it pays: the table of outcomes at the edge, cell by cell."""

import asyncio

import pytest
from fastapi import FastAPI
from fastapi import Request as FastAPIRequest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Mount, Route

import meter
from meter.gateway.served import charge_of
from meter.till import ChargeClosed
from tests.support.asgi import GONE, JSON, Exchange, answering, call, saying, scope_of, until
from tests.support.metering import OBSERVED, POLICY, metered

HANGUP_FREE = POLICY.replace("plans:", "charge: {hangup: none}\nplans:")
BODY_COMES = {"type": "http.request", "body": b"", "more_body": True}


async def paid(here) -> int:
    return await here.books.consumed()


@pytest.mark.parametrize(
    ("status", "price"),
    [(200, 5), (204, 5), (302, 5), (304, 5), (400, 0), (404, 0), (500, 0), (503, 0), (100, 5), (999, 0), (0, 0)],
)
async def test_the_status_decides_what_a_call_pays(store_url, tmp_path, status, price):
    async with metered(answering(status=status), tmp_path, store_url) as here:
        answer = await call(here.app)
        consumed = await paid(here)

    assert consumed == price
    assert (answer.consumed, answer.remaining) == (str(price), str(1000 - price))


async def test_a_policy_may_charge_for_an_error(store_url, tmp_path):
    policy = POLICY.replace("plans:", "charge: {4xx: full, 2xx: none}\nplans:")
    async with metered(answering(status=404), tmp_path, store_url, policy) as here:
        await call(here.app)
        consumed = await paid(here)

    assert consumed == 5


async def test_an_app_that_raises_before_it_answers_costs_nothing(store_url, tmp_path):
    async def app(scope, receive, send):
        raise RuntimeError("broken")

    async with metered(app, tmp_path, store_url) as here:
        with pytest.raises(RuntimeError, match="broken"):
            await call(here.app)
        kinds = await here.books.kinds()

    assert kinds == ["open", "charge", "refund"]


async def test_an_app_that_raises_while_its_answer_is_held_back_costs_nothing(store_url, tmp_path):
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [JSON]})
        await send({"type": "http.response.body", "body": b'{"half":', "more_body": True})
        raise RuntimeError("broken")

    exchange = Exchange(scope_of("GET /v1/item"))
    async with metered(app, tmp_path, store_url) as here:
        with pytest.raises(RuntimeError, match="broken"):
            await here.app(exchange.scope, saying(), exchange.send)
        consumed = await paid(here)

    assert (consumed, exchange.sent) == (0, [])


async def test_an_app_that_raises_after_its_answer_began_is_not_paid(store_url, tmp_path):
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("broken")

    async with metered(app, tmp_path, store_url) as here:
        with pytest.raises(RuntimeError, match="broken"):
            await call(here.app)
        consumed = await paid(here)

    assert consumed == 0


async def test_an_app_that_never_answers_costs_nothing(store_url, tmp_path):
    async def app(scope, receive, send):
        assert scope["type"] == "http"

    async with metered(app, tmp_path, store_url) as here:
        exchange = await call(here.app)
        consumed = await paid(here)

    assert (consumed, exchange.sent) == (0, [])


async def leaving(scope, receive, send):
    """An app that waits for a body that never comes whole."""
    assert scope["type"] == "http"
    while (await receive())["type"] != "http.disconnect":
        pass


@pytest.mark.parametrize(("policy", "price"), [(POLICY, 5), (HANGUP_FREE, 0)], ids=["default", "hangup: none"])
async def test_a_caller_that_leaves_before_the_answer_pays_as_the_policy_says(store_url, tmp_path, policy, price):
    async with metered(leaving, tmp_path, store_url, policy) as here:
        exchange = Exchange(scope_of("POST /v1/item"))
        await here.app(exchange.scope, saying(BODY_COMES, GONE), exchange.send)
        consumed = await paid(here)

    assert consumed == price


@pytest.mark.parametrize(("policy", "price"), [(POLICY, 5), (HANGUP_FREE, 0)], ids=["default", "hangup: none"])
@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_that_nobody_waits_for_is_a_hangup_whatever_it_says(store_url, tmp_path, policy, price, status):
    async def app(scope, receive, send):
        await leaving(scope, receive, send)
        await answering(status=status)(scope, receive, send)

    async with metered(app, tmp_path, store_url, policy) as here:
        exchange = Exchange(scope_of("POST /v1/item"))
        await here.app(exchange.scope, saying(BODY_COMES, GONE), exchange.send)
        consumed = await paid(here)

    assert consumed == price


async def test_a_caller_that_makes_the_app_raise_by_leaving_pays(store_url, tmp_path):
    async def app(scope, receive, send):
        await Request(scope, receive).body()

    async with metered(app, tmp_path, store_url) as here:
        exchange = Exchange(scope_of("POST /v1/item"))
        with pytest.raises(ClientDisconnect):
            await here.app(exchange.scope, saying(BODY_COMES, GONE), exchange.send)
        consumed = await paid(here)

    assert consumed == 5


async def test_a_caller_that_leaves_while_the_answer_streams_pays(store_url, tmp_path):
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await leaving(scope, receive, send)

    async with metered(app, tmp_path, store_url, HANGUP_FREE) as here:
        exchange = Exchange(scope_of("POST /v1/item"))
        await here.app(exchange.scope, saying(BODY_COMES, GONE), exchange.send)
        consumed = await paid(here)

    assert consumed == 5


async def test_a_call_that_is_cancelled_gives_its_credits_back(store_url, tmp_path):
    begun = asyncio.Event()

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        begun.set()
        await asyncio.Event().wait()

    async with metered(app, tmp_path, store_url) as here:
        task = asyncio.create_task(call(here.app))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        consumed = await paid(here)

    assert consumed == 0


async def test_a_call_that_is_cancelled_twice_gives_its_credits_back_all_the_same(store_url, tmp_path):
    begun = asyncio.Event()

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [JSON]})
        await send({"type": "http.response.body", "body": b'{"held":', "more_body": True})
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            asyncio.get_running_loop().call_soon(task.cancel)

    async with metered(app, tmp_path, store_url) as here:
        task = asyncio.create_task(call(here.app))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        async def is_given_back():
            return await paid(here) == 0

        await until(is_given_back)
        kinds = await here.books.kinds()

    assert kinds == ["open", "charge", "refund"]


async def test_a_call_that_is_cancelled_while_it_is_charged_takes_nothing(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        await call(here.app)
        for ticks in range(12):
            task = asyncio.create_task(call(here.app))
            for _ in range(ticks):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

        async def is_undone():
            return await paid(here) == 5 * len(app.seen)

        await until(is_undone)
        books = await here.books.of()

    assert books.granted == books.consumed + books.remaining


async def test_a_worker_that_stops_waits_for_calls_to_end(store_url, tmp_path):
    begun, tidied_up = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise ValueError(scope["type"])
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await tidied_up.wait()

    async with metered(app, tmp_path, store_url) as here:
        task = asyncio.create_task(call(here.app))
        await begun.wait()
        task.cancel()
        stopping = asyncio.create_task(here.app._stop())
        await asyncio.wait([stopping], timeout=0.2)
        stopped_before = stopping.done()
        tidied_up.set()
        await stopping
        consumed = await paid(here)

    assert (stopped_before, task.cancelled(), consumed) == (False, True, 0)


async def test_the_answer_of_a_call_that_is_given_back_tells_the_balance_of_after(store_url, tmp_path):
    async with metered(answering(status=500), tmp_path, store_url) as here:
        answer = await call(here.app)

    assert answer.json["meta"]["credits_consumed"] == 0
    assert answer.json["meta"]["credits_remaining"] == 1000


async def test_what_the_access_log_says_is_left_in_the_scope(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        exchange = await call(here.app)
        charged = [entry for entry in await here.books.entries() if entry["kind"] == "charge"]

    assert exchange.scope["meter.call"] == {"operation": "item", "credits": 5_000_000, "op": charged[0]["op"]}


async def test_an_answer_of_the_gateways_own_costs_nothing(store_url, tmp_path):
    async def app(scope, receive, send):
        scope["meter.failure"] = "connect_error"
        await answering()(scope, receive, send)

    async with metered(app, tmp_path, store_url) as here:
        answer = await call(here.app)
        last = (await here.books.entries())[-1]

    assert answer.consumed == "0"
    assert (last["kind"], last["reason"]) == ("refund", "ended connect_error")


def waiving(request: Request) -> JSONResponse:
    meter.charge_of(request).waive("the picture is empty")
    return JSONResponse({})


def starlette() -> Starlette:
    return Starlette(routes=[Mount("/v1", routes=[Route("/item", waiving)])])


def fastapi() -> FastAPI:
    app = FastAPI()

    @app.get("/v1/item")
    def item(request: FastAPIRequest) -> dict[str, int]:
        meter.charge_of(request).waive("the picture is empty")
        return {}

    return app


async def raw(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    meter.charge_of(scope).waive("the picture is empty")
    await answering()(scope, receive, send)


@pytest.mark.parametrize("app", [starlette(), fastapi(), raw], ids=["Starlette", "FastAPI", "ASGI"])
async def test_a_handler_may_let_its_call_cost_nothing(store_url, tmp_path, app):
    async with metered(app, tmp_path, store_url) as here:
        answer = await call(here.app)
        last = (await here.books.entries())[-1]

    assert (answer.status, answer.consumed, answer.remaining) == (200, "0", "1000")
    assert (last["kind"], last["reason"]) == ("refund", "the picture is empty")


async def test_a_handler_reads_price_and_balance_of_its_call(store_url, tmp_path):
    def item(request: Request) -> JSONResponse:
        charge = meter.charge_of(request)
        facts = (charge.account, charge.plan, charge.operation.name, charge.quote.credits, charge.remaining)
        return JSONResponse(facts)

    async with metered(Starlette(routes=[Route("/v1/item", item)]), tmp_path, store_url) as here:
        answer = await call(here.app)

    assert answer.json == ["acme", "small", "item", 5_000_000, 995_000_000]


async def test_a_call_that_was_answered_cannot_be_waived(store_url, tmp_path):
    said = []

    async def pieces(charge):
        yield b"a"
        try:
            charge.waive("too late")
        except ChargeClosed as error:
            said.append(str(error))

    def item(request: Request) -> StreamingResponse:
        return StreamingResponse(pieces(meter.charge_of(request)))

    async with metered(Starlette(routes=[Route("/v1/item", item)]), tmp_path, store_url) as here:
        answer = await call(here.app)

    assert answer.consumed == "5"
    assert said[0].endswith("has been answered, so you can't waive it now; do so before.")


async def test_a_free_call_has_no_charge(store_url, tmp_path):
    said = []

    async def app(scope, receive, send):
        if scope["type"] == "http":
            with pytest.raises(LookupError) as raised:
                charge_of(scope)
            said.append(str(raised.value))

    async with metered(app, tmp_path, store_url) as here:
        await call(here.app, "GET /health")

    assert said == ["'/health' is not charged: its route is free, or MeterMiddleware is not around it."]


async def test_an_observed_call_is_reported_and_takes_nothing(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, OBSERVED) as here:
        answer = await call(here.app)
        entries = await here.books.entries()
        books = await here.books.of()

    assert (answer.status, answer.consumed, answer.remaining) == (200, "5", "1000")
    assert [(entry["kind"], entry["delta"]) for entry in entries[1:]] == [("observed", "0")]
    assert books.consumed == 0


@pytest.mark.parametrize(
    ("line", "headers", "reported"),
    [
        pytest.param("GET /v1/item", [("X-Account", "a b")], None, id="no account id"),
        pytest.param("GET /v1/item", [("X-Account", "boom")], None, id="the app can't say who calls"),
        pytest.param("GET /v1/item", [("Credits-Max", "1")], "5", id="dearer than Credits-Max"),
        pytest.param("GET /v1/item", [("Credits-Max", "x")], "5", id="Credits-Max is no amount"),
        pytest.param("POST /v1/analysis", [("X-Account", "poor")], "100", id="more than there is"),
        pytest.param("GET /v2", [], None, id="no route"),
    ],
)
async def test_observing_refuses_nothing(store_url, tmp_path, line, headers, reported):
    def identify(scope):
        account = dict(scope["headers"]).get(b"x-account", b"acme").decode()
        if account == "boom":
            raise RuntimeError(account)
        return account

    app = answering()
    policy = OBSERVED.replace("1000,", "10,")
    async with metered(app, tmp_path, store_url, policy, identify=identify) as here:
        answer = await call(here.app, line, *headers)

    assert (answer.status, answer.consumed) == (200, reported)
    assert len(app.seen) == 1


async def test_a_handler_finds_a_charge_in_an_observed_call_of_nobody(store_url, tmp_path):
    def item(request: Request) -> JSONResponse:
        charge = meter.charge_of(request)
        charge.waive("not now")
        return JSONResponse([charge.account, charge.quote.credits, charge.booked])

    app = Starlette(routes=[Route("/v1/item", item)])
    async with metered(app, tmp_path, store_url, OBSERVED, identify=lambda _: None) as here:
        answer = await call(here.app)

    assert (answer.status, answer.json) == (200, ["", 5_000_000, False])

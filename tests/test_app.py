"""``MeterMiddleware`` as its users put it around their apps: with and without a lifespan, in one loop after another."""

import asyncio
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from meter import MeterMiddleware
from meter.policy.mistakes import PolicyError
from meter.settings import SettingsError
from tests.conftest import server_binary, start_server, stop_server
from tests.support.asgi import Exchange, Server, answering, call, running, scope_of, staying
from tests.support.metering import OBSERVED, POLICY, TOKEN, books, metered, named, patient, settings_of


def items(_: Request) -> JSONResponse:
    return JSONResponse({"items": []})


def starlette() -> Starlette:
    return Starlette(routes=[Route("/v1/item", items), Route("/health", items)])


def fastapi() -> FastAPI:
    app = FastAPI()

    @app.get("/v1/item")
    async def item() -> dict[str, list[int]]:
        return {"items": []}

    return app


@pytest.fixture
def middleware(store_url, tmp_path):
    """Make a middleware around an app."""

    def made(app, policy=POLICY, url=store_url, *, patient=False, **facts):
        settings = settings_of(tmp_path, url, policy, **facts)
        return MeterMiddleware(app, settings=settings, identify=named, patient=patient)

    with patient():
        yield made


@pytest.mark.parametrize("make", [starlette, fastapi], ids=["Starlette", "FastAPI"])
async def test_it_is_added_as_frameworks_add_middlewares(store_url, tmp_path, make):
    app = make()
    app.add_middleware(MeterMiddleware, settings=settings_of(tmp_path, store_url), identify=named)
    with patient():
        async with running(app):
            answer = await call(app)

    assert (answer.consumed, answer.json["items"]) == ("5", [])


@pytest.mark.parametrize("make", [starlette, fastapi, answering], ids=["Starlette", "FastAPI", "ASGI"])
async def test_it_stands_around_any_app(middleware, make):
    app = middleware(make())
    async with running(app):
        answer = await call(app)

    assert answer.consumed == "5"


async def test_an_app_that_adds_it_runs_its_own_lifespan(store_url, tmp_path):
    events = []

    @asynccontextmanager
    async def lifespan(_):
        events.append("start")
        yield
        events.append("stop")

    app = Starlette(lifespan=lifespan)
    app.add_middleware(MeterMiddleware, settings=settings_of(tmp_path, store_url))
    with patient():
        async with running(app):
            during = list(events)

    assert (during, events) == (["start"], ["start", "stop"])


async def test_without_a_lifespan_it_starts_with_the_first_call(middleware):
    app = middleware(answering())

    answer = await call(app)

    assert answer.consumed == "5"
    await app._stop()


async def test_many_first_calls_start_it_once(middleware):
    app = middleware(answering())

    answers = await asyncio.gather(*(call(app) for _ in range(100)))

    assert {answer.status for answer in answers} == {200}
    assert [task.get_name() for task in asyncio.all_tasks()].count("meter") == 1
    await app._stop()


def test_it_serves_one_event_loop_after_another(middleware):
    app = middleware(answering())

    prices = [asyncio.run(call(app)).consumed for _ in range(3)]

    assert prices == ["5"] * 3
    assert app._workers == {}


def test_a_loop_that_has_a_lifespan_comes_after_one_that_had_none(middleware):
    app = middleware(answering())

    async def whole():
        async with running(app):
            return await call(app)

    answers = [asyncio.run(call(app)), asyncio.run(whole()), asyncio.run(whole())]

    assert [answer.remaining for answer in answers] == ["995", "990", "985"]


async def test_a_call_before_the_lifespan_does_not_start_it_twice(middleware):
    app = middleware(answering())
    await call(app)
    worker = next(iter(app._workers.values()))

    async with running(app):
        during = list(app._workers.values())

    assert during == [worker]
    assert app._workers == {}


async def test_a_start_that_is_cancelled_leaves_nothing_behind(middleware):
    app = middleware(answering())
    starting = asyncio.create_task(app._start_worker(asyncio.get_running_loop()))
    await asyncio.sleep(0)

    starting.cancel()
    await asyncio.wait([starting])
    left = [task for task in asyncio.all_tasks() if task.get_name() == "meter"]
    if left:
        await asyncio.wait(left, timeout=10)

    assert [task for task in left if not task.done()] == []
    assert app._workers == {}


NOWHERE = "unix:///nonexistent/store.sock"


async def test_a_store_that_is_missing_stops_the_start_with_one_sentence(middleware):
    server = Server(middleware(answering(), url=NOWHERE))
    await server.start()
    await server.stop()

    assert server.words == ["startup.failed"]
    assert "store" in server.said[0]["message"]
    assert "\n" not in server.said[0]["message"]


async def test_without_a_lifespan_a_store_that_is_missing_refuses_what_costs_something(middleware):
    inner = answering()
    app = middleware(inner, url=NOWHERE)

    paths = ("/v1/item", "/health", "/credits", "/_meter/health", "/_meter/health/live")
    refused, free, balance, health, live = [await call(app, f"GET {path}") for path in paths]

    assert (refused.status, refused.json["code"], refused.headers["retry-after"]) == (503, "ledger_unavailable", "1")
    assert (free.status, balance.status, health.status, live.status) == (200, 503, 503, 200)
    assert (health.json["ready"], health.json["troubles"]) == (False, ["store"])
    assert [scope["path"] for scope in inner.seen] == ["/health"]


@pytest.mark.parametrize("path", ["/v1/item", "/credits", "/_meter/health"])
async def test_a_store_that_is_missing_refuses_sockets_that_have_a_price_or_none(middleware, path):
    exchange = Exchange(scope_of(f"GET {path}", type="websocket", extensions={"websocket.http.response": {}}))
    del exchange.scope["method"]
    await middleware(answering(), url=NOWHERE)(exchange.scope, staying(), exchange.send)

    assert exchange.sent[0]["status"] == 503


async def test_without_a_lifespan_a_store_that_is_missing_lets_observed_calls_pass(middleware):
    answer = await call(middleware(answering(), OBSERVED, NOWHERE))

    assert answer.status == 200


async def test_a_patient_one_starts_without_a_store_and_serves_when_it_is_there(middleware, store_url, tmp_path):
    link = tmp_path / "store.sock"
    app = middleware(answering(), url=f"unix://{link}", patient=True)
    async with running(app):
        before = await call(app)
        link.symlink_to(store_url.removeprefix("unix://"))
        after = await call(app)

    assert (before.status, after.status) == (503, 200)


async def test_it_starts_when_the_store_is_there_at_last(middleware, store_url, tmp_path):
    link = tmp_path / "store.sock"
    app = middleware(answering(), url=f"unix://{link}")
    before = await call(app)
    link.symlink_to(store_url.removeprefix("unix://"))
    after = await call(app)

    assert (before.status, after.status) == (503, 200)
    await app._stop()


async def test_a_folder_that_cannot_be_written_stops_the_start_with_one_sentence(middleware, tmp_path):
    (tmp_path / "data").write_text("a file where the folder goes")
    server = Server(middleware(answering()))
    await server.start()
    await server.stop()

    assert server.words == ["startup.failed"]
    assert server.said[0]["message"].startswith(f"Undos can't be kept in {tmp_path}/data/undo: ")


def test_a_wrong_policy_is_refused_where_it_is_named(middleware):
    with pytest.raises(PolicyError, match=r"policy\.yaml:1"):
        middleware(answering(), "version: 2")


def test_a_plan_that_nobody_knows_is_refused_where_it_is_named(middleware):
    with pytest.raises(SettingsError, match="on the plan 'large'; the policies know small"):
        middleware(answering(), open_accounts="large")


async def test_a_wrong_policy_of_an_added_middleware_stops_the_start_of_its_app(store_url, tmp_path):
    app = starlette()
    app.add_middleware(MeterMiddleware, settings=settings_of(tmp_path, store_url, "version: 2"))
    server = Server(app)
    await server.start()
    await server.stop()

    assert server.words == ["startup.failed"]
    assert "policy.yaml:1" in server.said[0]["message"]


async def test_a_wrong_policy_refuses_the_calls_of_an_app_without_a_lifespan(store_url, tmp_path, caplog):
    app = starlette()
    app.add_middleware(MeterMiddleware, settings=settings_of(tmp_path, store_url, "version: 2"))

    answer = await call(app)

    assert (answer.status, answer.json["code"]) == (503, "ledger_unavailable")
    assert "policy.yaml:1" in caplog.text


async def test_what_is_not_said_is_read_from_the_environment(store_url, tmp_path, monkeypatch):
    settings_of(tmp_path, store_url)
    facts = {"REDIS": store_url, "POLICIES": tmp_path / "policy.yaml", "DATA": tmp_path, "OPEN_ACCOUNTS": "small"}
    for name, value in facts.items():
        monkeypatch.setenv(f"METER_{name}", str(value))
    with patient():
        app = MeterMiddleware(answering(), identify=lambda _: "acme")
        async with running(app):
            answer = await call(app)

    assert answer.consumed == "5"


async def test_without_a_url_it_runs_a_store_of_its_own(tmp_path):
    with patient():
        app = MeterMiddleware(answering(), settings=settings_of(tmp_path, None), identify=named)
        async with running(app):
            answer = await call(app)

    assert answer.consumed == "5"


@pytest.fixture
def mortal():
    """A store that a test may kill."""
    with tempfile.TemporaryDirectory(prefix="meter-") as folder:
        server = start_server(server_binary(), Path(folder))
        yield server
        stop_server(server)


async def test_a_store_that_dies_refuses_what_costs_something_and_nothing_else(mortal, tmp_path):
    inner = answering()
    async with metered(inner, tmp_path, mortal.url, operator_token=TOKEN) as here:
        await call(here.app)
        stop_server(mortal)
        lines = ("GET /v1/item", "GET /health", "GET /credits", "GET /_meter/health", "GET /_meter/health/live")
        paid, free, balance, health, live = [await call(here.app, line) for line in lines]
        operator = await call(here.app, "GET /_meter/health", ("Authorization", f"Bearer {TOKEN}"))

    assert [paid.status, free.status, balance.status, health.status, live.status] == [503, 200, 503, 503, 200]
    assert (health.json["ready"], health.json["troubles"]) == (False, ["store"])
    assert "store" in operator.json["troubles"]["store"]
    assert [scope["path"] for scope in inner.seen] == ["/v1/item", "/health"]


async def test_a_store_that_dies_breaks_no_observed_call(mortal, tmp_path, caplog):
    inner = answering()
    async with metered(inner, tmp_path, mortal.url, OBSERVED) as here:
        before = await call(here.app)
        stop_server(mortal)
        after = await call(here.app)

    assert (before.status, before.consumed) == (200, "5")
    assert (after.status, after.consumed, len(inner.seen)) == (200, None, 2)
    assert "was observed but not written down" in caplog.text


async def test_what_several_workers_charge_is_one_balance(store_url, tmp_path):
    folders = [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()
    policy = POLICY.replace("1000,", "250,")
    async with (
        metered(answering(), folders[0], store_url, policy) as first,
        metered(answering(), folders[1], store_url, policy) as second,
        metered(answering(), folders[2], store_url, policy) as third,
        metered(answering(), folders[3], store_url, policy) as fourth,
        books(store_url) as looking,
    ):
        apps = [worker.app for worker in (first, second, third, fourth)]
        answers = await asyncio.gather(*(call(apps[number % 4]) for number in range(200)))
        left = (await looking.of()).remaining

    assert sorted(answer.status for answer in answers) == [200] * 50 + [402] * 150
    assert left == 0

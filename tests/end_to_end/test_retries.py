"""One ``Idempotency-Key`` over real sockets and several workers: one call upstream, one charge, one answer for all."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.house import NOTHING, Answer, Gateway, House, Store, call
from tests.proxy.upstreams import free_port, process
from tests.support.asgi import until
from tests.support.claims import lapse

PRICE = 7
AT_ONCE = 100
POLICY = f"""
version: 1
operations: {{work: {{title: Work, credits: {PRICE}}}}}
routes: [{{match: "POST /work/{{id}}", operation: work}}]
plans: {{drill: {{included: 100000, period: none}}}}
"""
API = '''
"""Does its work when it is told to, and counts."""

import asyncio

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

counts, doors = {}, {}


def door(name):
    return doors.setdefault(name, asyncio.Event())


async def work(request):
    name = request.path_params["id"]
    counts[name] = counts.get(name, 0) + 1
    if not name.startswith("free"):
        await door(name).wait()
    return JSONResponse({"work": name, "count": counts[name]}, headers={"X-Work": name})


async def open_door(request):
    door(request.path_params["id"]).set()
    return Response()


async def count(request):
    return JSONResponse(counts.get(request.path_params["id"], 0))


app = Starlette(
    routes=[
        Route("/work/{id}", work, methods=["POST"]),
        Route("/door/{id}", open_door, methods=["POST"]),
        Route("/count/{id}", count),
    ]
)
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """A gateway of two workers before an API that counts."""

    store: Store
    house: House
    gateway: Gateway
    api_port: int
    key: str

    async def ask(self, name: str, key: str) -> Answer:
        return await call(self.gateway.port, f"/work/{name}", self.key, more=f"Idempotency-Key: {key}\r\n")

    @asynccontextmanager
    async def asking(self, name: str, key: str) -> AsyncIterator[None]:
        """Ask, and hang up at the block's end."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        head = f"POST /work/{name} HTTP/1.1\r\nHost: test\r\nX-API-Key: {self.key}\r\n"
        writer.write(f"{head}Idempotency-Key: {key}\r\nConnection: close\r\n\r\n".encode())
        yield
        writer.close()
        await writer.wait_closed()

    async def let(self, name: str) -> None:
        """Let the API do a work that waits."""
        await call(self.api_port, f"/door/{name}", "")

    async def count(self, name: str) -> int:
        """How often the API was asked for a work."""
        return int((await call(self.api_port, f"/count/{name}", "", method="GET")).body)

    async def begun(self, name: str) -> bool:
        return await self.count(name) > 0

    async def consumed(self) -> int:
        return int((await asyncio.to_thread(self.house.balance, "acme"))["consumed"])

    def lapse(self) -> int:
        with self.store.client() as client:
            return lapse(client)


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    folder = tmp_path_factory.mktemp("retries")
    (folder / "policy.yaml").write_text(POLICY)
    with Store(folder=folder) as store, counting_api(folder) as port:
        house = House(folder=folder, redis_url=store.url, policies=folder / "policy.yaml")
        key = house.customer("acme", "drill")
        with house.gateway(f"http://127.0.0.1:{port}", "--workers", "2") as gateway:
            yield Works(store=store, house=house, gateway=gateway, api_port=port, key=key)


@contextmanager
def counting_api(folder: Path) -> Iterator[int]:
    (folder / "counting_api.py").write_text(API)
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "counting_api:app", "--port", str(port), "--log-level", "warning"]
    with process([*command, "--app-dir", str(folder)], port):
        yield port


def told(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """An answer, but for what says that it was given before, and the line of the access log that it has."""
    own = ("idempotent-replayed", "x-request-id")
    return answer.status, {name: value for name, value in answer.headers.items() if name not in own}, answer.body


async def test_the_same_key_a_hundred_times_at_once_is_one_call_and_one_charge(works: Works) -> None:
    before = await works.consumed()
    calls = [asyncio.create_task(works.ask("one", "k-one")) for _ in range(AT_ONCE)]
    await until(lambda: sum(one.done() for one in calls) == AT_ONCE - 1)
    await works.let("one")
    answers = await asyncio.gather(*calls)
    after = await asyncio.gather(*(works.ask("one", "k-one") for _ in range(AT_ONCE)))

    (served,) = [answer for answer in answers if answer.status == 200]
    assert {answer.json()["code"] for answer in answers if answer.status == 409} == {"idempotency_running"}
    assert [answer.headers.get("idempotent-replayed") for answer in after] == ["true"] * AT_ONCE
    assert [told(answer) for answer in after] == [told(served)] * AT_ONCE
    assert (await works.count("one"), await works.consumed() - before) == (1, PRICE)


async def test_those_that_come_when_it_has_ended_get_the_answer_and_the_others_are_told_that_it_runs(
    works: Works,
) -> None:
    before = await works.consumed()
    answers = await asyncio.gather(*(works.ask("free", "k-free") for _ in range(AT_ONCE)))
    served = {answer.body for answer in answers if answer.status == 200}

    assert {answer.status for answer in answers} <= {200, 409}
    assert len(served) == 1
    assert (await works.count("free"), await works.consumed() - before) == (1, PRICE)


async def test_a_caller_that_hung_up_gets_its_answer_when_it_comes_again(works: Works) -> None:
    async def has_ended() -> bool:
        return (await works.ask("left", "k-left")).status == 200

    before = await works.consumed()
    async with works.asking("left", "k-left"):
        await until(lambda: works.begun("left"))
    await works.let("left")
    await until(has_ended)
    again = await works.ask("left", "k-left")

    assert (again.status, again.headers["idempotent-replayed"], again.json()["count"]) == (200, "true", 1)
    assert (await works.count("left"), await works.consumed() - before) == (1, PRICE)


async def test_a_call_whose_worker_is_killed_is_charged_once_and_its_key_says_so(works: Works) -> None:
    before = await works.consumed()
    struck = asyncio.create_task(works.ask("dead", "k-dead"))
    await until(lambda: works.begun("dead"))
    await asyncio.to_thread(works.gateway.kill)
    await asyncio.to_thread(works.gateway.start)
    running = await works.ask("dead", "k-dead")
    lapsed = await asyncio.to_thread(works.lapse)
    again = [await works.ask("dead", "k-dead") for _ in range(2)]
    await works.let("dead")

    assert await struck == NOTHING
    assert (running.json()["code"], lapsed) == ("idempotency_running", 1)
    assert [answer.json()["code"] for answer in again] == ["idempotency_answer_gone"] * 2
    assert (await works.count("dead"), await works.consumed() - before) == (1, PRICE)


async def test_what_was_kept_outlives_the_gateway_and_the_store(works: Works) -> None:
    first = await works.ask("free-kept", "k-kept")
    await asyncio.to_thread(works.gateway.stop)
    await asyncio.to_thread(works.store.kill)
    await asyncio.to_thread(works.store.start)
    await asyncio.to_thread(works.gateway.start)
    again = await works.ask("free-kept", "k-kept")

    assert told(again) == told(first)
    assert await works.count("free-kept") == 1

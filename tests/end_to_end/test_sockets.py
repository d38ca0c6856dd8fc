"""WebSockets that cost something, over real sockets: through the gateway, and in an app that meters itself."""

import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.end_to_end.house import ROOT, Gateway, House, Store, until
from tests.proxy.upstreams import free_port, process

MIB = 1 << 20
WAIT_SECONDS_MAX = 30
POLICY = """
version: 1
operations:
  echo: {title: Echo, credits: {base: 10, per: {request_events: 1, response_events: 2}, at_most: 100000, step: 50}}
  short: {title: Short, credits: {base: 1, per: {response_events: 1}, at_most: 1234, step: 50}}
  bytes: {title: Bytes, credits: {base: 0, per: {response_bytes: 0.0001}, at_most: 100000, step: 100}}
  fixed: {title: Fixed, credits: 100}
  dear: {title: Dear, credits: {base: 0, per: {response_events: 1}, at_most: 9000000}}
routes:
  - {match: /echo, operation: echo}
  - {match: "/short/{n}", operation: short}
  - {match: "/bytes/{n}", operation: bytes}
  - {match: "/fixed/{rest:path}", operation: fixed}
  - {match: /dear, operation: dear}
charge: {hangup: 0.5, hangup_midway: 0.8}
rounding: {step: 0.01}
plans: {big: {included: 1000000, period: none}}
"""
API = '''
"""Says what is said; or says so much, and waits until its caller leaves; or never answers."""

import asyncio


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await socket(scope, receive, send)


async def socket(scope, receive, send):
    kind, _, count = scope["path"][1:].partition("/")
    await receive()
    if count == "silence":
        await receive()
        return
    if count == "deny":
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    for number in range(int(count or 0)):
        await send({"type": "websocket.send"} | ({"bytes": b"x" * 65536} if kind == "bytes" else {"text": str(number)}))
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
'''
WRAPPED = """
from api import app as plain
from meter import MeterMiddleware

app = MeterMiddleware(plain)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where sockets are served, and a key that pays."""

    house: House
    port: int
    key: str
    gateway: Gateway | None = None

    @property
    def figures(self) -> tuple[float, float]:
        """What the key's account has consumed, and what is set aside for it."""
        balance = self.house.balance("acme")
        return balance["consumed"], balance["reserved"]

    @asynccontextmanager
    async def dialled(self, path: str, **options: Any) -> AsyncIterator[ClientConnection]:
        headers = {"X-API-Key": options.pop("key", self.key)}
        options = {"compression": None, "proxy": None, "additional_headers": headers, "max_size": None, **options}
        socket = await asyncio.wait_for(connect(f"ws://127.0.0.1:{self.port}{path}", **options), WAIT_SECONDS_MAX)
        try:
            yield socket
        finally:
            socket.transport.abort()


@contextmanager
def proxied(folder: Path) -> Iterator[Place]:
    """A gateway before an API that knows nothing of credits."""
    with _written(folder) as house, _uvicorn(folder, "api:app") as (url, _):
        key = house.customer("acme", "big")
        with house.gateway(url) as gateway:
            yield Place(house=house, port=gateway.port, key=key, gateway=gateway)


@contextmanager
def wrapped(folder: Path) -> Iterator[Place]:
    """An API that charges its own calls, on plain uvicorn."""
    with _written(folder) as house:
        key = house.customer("acme", "big")
        with _uvicorn(folder, "wrapped:app", **house.variables()) as (_, port):
            yield Place(house=house, port=port, key=key)


PLACES = pytest.mark.parametrize("place_of", [proxied, wrapped])


@contextmanager
def _written(folder: Path) -> Iterator[House]:
    for name, text in (("policy.yaml", POLICY), ("api.py", API), ("wrapped.py", WRAPPED)):
        (folder / name).write_text(text)
    with Store(folder=folder) as store:
        yield House(folder=folder, redis_url=store.url, policies=folder / "policy.yaml")


@contextmanager
def _uvicorn(folder: Path, app: str, **environment: str) -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "warning"]
    options = ["--app-dir", str(folder), "--ws", "websockets-sansio"]
    with process([*command, *options], port, env={**os.environ, **environment, "PYTHONPATH": str(ROOT)}) as url:
        yield url, port


async def heard(socket: ClientConnection) -> tuple[list[str | bytes], int, str]:
    """All that comes to the end of a socket, and how it ends."""
    messages: list[str | bytes] = []
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while True:
                messages.append(await socket.recv())
    await socket.wait_closed()
    return messages, socket.close_code or 0, socket.close_reason or ""


@PLACES
def test_a_socket_costs_its_base_and_its_messages_to_the_credit(tmp_path: Path, place_of: Any) -> None:
    async def talk(place: Place) -> tuple[list[str | bytes], dict[str, str]]:
        async with place.dialled("/echo") as socket:
            assert socket.response is not None
            for number in range(500):
                await socket.send(f"message {number}")
            said = [await socket.recv() for _ in range(500)]
            await socket.close()
            return said, dict(socket.response.headers.raw_items())

    with place_of(tmp_path) as place:
        said, headers = asyncio.run(talk(place))
        until(lambda: place.figures == (10 + 500 * 1 + 500 * 2, 0), "the socket is settled")

    assert said == [f"message {number}" for number in range(500)]
    assert (headers["x-credits-reserved"], headers["x-credits-remaining"]) == ("50", "999950")


@PLACES
def test_a_socket_is_cut_at_its_ceiling_to_the_message(tmp_path: Path, place_of: Any) -> None:
    async def listen(place: Place) -> tuple[list[str | bytes], int, str]:
        async with place.dialled("/short/5000") as socket:
            return await heard(socket)

    with place_of(tmp_path) as place:
        messages, code, reason = asyncio.run(listen(place))
        until(lambda: place.figures == (1234, 0), "the socket is settled")

    assert messages == [str(number) for number in range(1233)]
    assert (code, reason) == (1008, "credits exhausted")


@PLACES
def test_a_caller_with_too_few_credits_is_denied_with_a_problem(tmp_path: Path, place_of: Any) -> None:
    async def dial(place: Place) -> InvalidStatus:
        with pytest.raises(InvalidStatus) as denied:
            async with place.dialled("/dear"):
                pass
        return denied.value

    with place_of(tmp_path) as place:
        answer = asyncio.run(dial(place)).response
        figures = place.figures

    assert (answer.status_code, figures) == (402, (0, 0))
    assert json.loads(answer.body or b"")["code"] == "insufficient_credits"
    assert answer.headers["x-credits-consumed"] == "0"


LEAVERS = {
    "/fixed/silence": (20, 50),
    "/fixed/deny": (10, 0),
    "/fixed/3": (20, 80),
    "/fixed/goodbye": (10, 100),
}
"""How many callers leave where, and what each pays: by the table, before the answer half, midway four fifths."""


async def leave(place: Place, path: str) -> None:
    if path == "/fixed/silence":
        opening = asyncio.create_task(place.dialled(path).__aenter__())
        await asyncio.wait([opening], timeout=0.3)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    elif path == "/fixed/deny":
        with pytest.raises(InvalidStatus):
            async with place.dialled(path):
                pass
    elif path == "/fixed/3":
        async with place.dialled(path) as socket:
            assert [await socket.recv() for _ in range(3)] == ["0", "1", "2"]
    else:
        async with place.dialled("/fixed/0") as socket:
            await socket.close(4000, "mine")


def test_whoever_leaves_a_socket_pays_what_the_table_says(tmp_path: Path) -> None:
    async def all_leave(place: Place) -> None:
        for path, (count, _) in LEAVERS.items():
            await asyncio.gather(*(leave(place, path) for _ in range(count)))

    expected = (sum(count * price for count, price in LEAVERS.values()), 0)
    with proxied(tmp_path) as place:
        asyncio.run(all_leave(place))
        until(lambda: place.figures == expected, f"{expected} is consumed")
        assert place.house.undone()


def test_a_gateway_that_stops_says_goodbye_and_charges_nothing(tmp_path: Path) -> None:
    async def outlive(place: Place) -> tuple[int, str]:
        assert place.gateway is not None
        assert place.gateway.process is not None
        async with place.dialled("/echo") as socket:
            await socket.send("hello")
            await socket.recv()
            place.gateway.process.terminate()
            _, code, reason = await heard(socket)
            return code, reason

    with proxied(tmp_path) as place:
        goodbye = asyncio.run(outlive(place))
        until(lambda: place.figures == (0, 0), "the socket is released")

    assert goodbye == (1012, "the server stops")


@pytest.mark.slow
def test_256_mib_pass_a_socket_without_piling_up(tmp_path: Path) -> None:
    count = 256 * MIB // 65536

    async def read(place: Place, count: int) -> int:
        async with place.dialled(f"/bytes/{count}", max_queue=1) as socket:
            got = sum([len(await socket.recv()) for _ in range(count)])
            await socket.close()
            return got

    with proxied(tmp_path) as place:
        asyncio.run(read(place, 16))
        before = peak_bytes(place)
        got = asyncio.run(read(place, count))
        grown = peak_bytes(place) - before
        until(lambda: place.figures[1] == 0, "the socket is settled")
        consumed = place.figures[0]

    assert got == 256 * MIB
    assert grown < 20 * MIB
    assert consumed == pytest.approx((256 + 1) * MIB * 0.0001, abs=0.02)


def peak_bytes(place: Place) -> int:
    """The most memory that the gateway ever had."""
    assert place.gateway is not None
    assert place.gateway.process is not None
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{place.gateway.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024

"""Calling an ASGI app by hand: a scope of our own, what the caller sends, and all that comes out."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from meter.gateway.asgi import ASGIApp, Message, Receive, Scope, Send

JSON = (b"content-type", b"application/json")
GONE: Message = {"type": "http.disconnect"}
START_SECONDS_MAX = 30


@dataclass
class Exchange:
    """One call, and what was sent for it."""

    scope: Scope
    sent: list[Message] = field(default_factory=list)

    @property
    def status(self) -> int:
        return self._start["status"]

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode().lower(): value.decode("latin-1") for name, value in self._start["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent if message["type"] == "http.response.body")

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def consumed(self) -> str | None:
        return self.headers.get("x-credits-consumed")

    @property
    def remaining(self) -> str | None:
        return self.headers.get("x-credits-remaining")

    @property
    def _start(self) -> Message:
        return next(message for message in self.sent if message["type"] == "http.response.start")

    async def send(self, message: Message) -> None:
        self.sent.append(dict(message))


def scope_of(line: str, headers: Iterable[tuple[str, str]] = (), **facts: Any) -> Scope:
    """The scope of a request line: ``GET /v1/items?limit=5``."""
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (("host", "api.example"), *headers)],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    return scope | facts


async def call(
    app: ASGIApp, line: str = "GET /v1/item", *headers: tuple[str, str], body: bytes = b"", **facts: Any
) -> Exchange:
    """Make one call, by a caller that stays."""
    exchange = Exchange(scope_of(line, headers, **facts))
    await app(exchange.scope, staying(body), exchange.send)
    return exchange


def staying(body: bytes = b"") -> Receive:
    """A caller that sends its body and waits."""
    return saying({"type": "http.request", "body": body, "more_body": False})


def saying(*messages: Message) -> Receive:
    """A caller that says this, and then nothing any more."""
    left = list(messages)

    async def receive() -> Message:
        if left:
            return left.pop(0)
        return await asyncio.get_running_loop().create_future()

    return receive


def answering(
    body: bytes = b'{"a": 1}', *headers: tuple[bytes, bytes], status: int = 200, content: tuple[bytes, bytes] = JSON
) -> ASGIApp:
    """An app that answers every call alike, and notes each scope that reaches it."""
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        seen.append(scope)
        await send({"type": "http.response.start", "status": status, "headers": [content, *headers]})
        await send({"type": "http.response.body", "body": body})

    app.seen = seen  # type: ignore[attr-defined]
    return app


class Server:
    """The server's side of a lifespan."""

    def __init__(self, app: ASGIApp) -> None:
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self.said: list[Message] = []
        self.failure: BaseException | None = None
        self._changed = asyncio.Event()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self.task = asyncio.create_task(_run(app, scope, self._messages.get, self._send))

    @property
    def words(self) -> list[str]:
        return [message["type"].removeprefix("lifespan.") for message in self.said]

    async def start(self) -> None:
        await self._ask("lifespan.startup", 1)

    async def stop(self) -> None:
        await self._ask("lifespan.shutdown", 2)
        await asyncio.wait([self.task])
        self.failure = self.task.exception()

    async def _ask(self, question: str, answers: int) -> None:
        await self._messages.put({"type": question})
        async with asyncio.timeout(START_SECONDS_MAX):
            while len(self.said) < answers and not self.task.done():
                self._changed.clear()
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait([changed, self.task], return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()

    async def _send(self, message: Message) -> None:
        self.said.append(message)
        self._changed.set()


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncIterator[Server]:
    """Run an app's lifespan around a block."""
    server = Server(app)
    await server.start()
    if server.words != ["startup.complete"]:
        await server.task
        raise AssertionError(server.said)
    try:
        yield server
    finally:
        await server.stop()
    if server.failure is not None:
        raise server.failure


async def until(holds: Callable[[], Any] | Callable[[], Awaitable[Any]], seconds_max: float = 20) -> None:
    """Wait for a condition, looking at it again and again."""
    async with asyncio.timeout(seconds_max):
        while True:
            found = holds()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.01)

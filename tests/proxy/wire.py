"""Both ends of the proxy at the level of bytes: an upstream that records and answers, a client that sends, a server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from uvicorn.server import ServerState

from meter.gateway.asgi import ASGIApp, Receive, Scope, Send
from meter.gateway.forwarding import Forwarding
from meter.gateway.httpx_upstream import HttpxUpstream, UpstreamLimits
from meter.gateway.proxy import Proxy
from meter.gateway.serving import ClientLimits, PatientProtocol, ServerConfig
from meter.gateway.websockets_upstream import WebsocketsUpstream

WAIT_SECONDS_MAX = 10
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(slots=True)
class Recorded:
    """One request as it arrived."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    @property
    def target(self) -> bytes:
        return self.line.split(b" ")[1]

    def all(self, name: bytes) -> list[bytes]:
        return [value for said, value in self.headers if said.lower() == name]


Behaviour = Callable[[Recorded, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answers(raw: bytes) -> Behaviour:
    """An upstream that reads the whole request and writes these bytes."""

    async def behave(request: Recorded, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request.body = await body_of(request, reader)
        writer.write(raw)
        await writer.drain()

    return behave


@dataclass(slots=True)
class RawUpstream:
    """Records what arrives; keeps its connections open unless its behaviour closes them."""

    behaviour: Behaviour = field(default_factory=lambda: answers(OK))
    seen: list[Recorded] = field(default_factory=list)
    connections: int = 0
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a connection ended that the upstream did not end itself."""
    url: str = ""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.add(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _head(reader)) is not None:
                self.seen.append(request)
                await self.behaviour(request, reader, writer)
                if writer.is_closing():
                    return
            self.lost.set()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.lost.set()
        finally:
            await _aborted(writer)


async def _aborted(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


async def _head(reader: asyncio.StreamReader) -> Recorded | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    line, *headers = raw[:-4].split(b"\r\n")
    return Recorded(line, [(name, value[1:]) for name, _, value in (header.partition(b":") for header in headers)])


async def body_of(request: Recorded, reader: asyncio.StreamReader) -> bytes:
    """The raw body of a request; a chunked one with its framing."""
    if request.all(b"transfer-encoding"):
        return await reader.readuntil(b"0\r\n\r\n")
    return await reader.readexactly(int((request.all(b"content-length") or [b"0"])[0]))


@asynccontextmanager
async def raw_upstream(behaviour: Behaviour | None = None) -> AsyncIterator[RawUpstream]:
    upstream = RawUpstream(behaviour or answers(OK))
    server = await asyncio.start_server(upstream.accept, "127.0.0.1", 0, limit=1 << 22)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        server.close()
        for task in tuple(upstream.tasks):
            task.cancel()
        await asyncio.gather(*upstream.tasks, return_exceptions=True)


class PlainRefusals:
    """The proxy's own answers, as short as they can be: a status, and the reason as text."""

    def upstream_failed(self, reason: str) -> ASGIApp:
        return _plain(502, reason)

    def upstream_timeout(self, reason: str) -> ASGIApp:
        return _plain(504, reason)

    def body_too_large(self, bytes_max: int) -> ASGIApp:
        return _plain(413, str(bytes_max))

    def ambiguous_path(self, reason: str) -> ASGIApp:
        return _plain(400, reason)

    def websocket_unpriced(self) -> ASGIApp:
        return _plain(403, "no websockets")


def _plain(status: int, text: str) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = text.encode()
        headers = [(b"content-length", str(len(body)).encode())]
        kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
        await send({"type": f"{kind}.start", "status": status, "headers": headers})
        await send({"type": f"{kind}.body", "body": body})

    return app


@asynccontextmanager
async def served(
    app: ASGIApp, limits: ClientLimits | None = None, state: ServerState | None = None
) -> AsyncIterator[int]:
    """Our server around an app, without uvicorn's tenth-of-a-second ticks; the port it listens on."""
    config = ServerConfig(app, limits=limits, log_config=None, lifespan="off")
    config.load()
    state = state or ServerState()
    state.default_headers = config.encoded_headers
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: PatientProtocol(config, state, {}), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in tuple(state.connections):
            connection.transport.abort()
        await until(lambda: not state.connections and not state.tasks)


@asynccontextmanager
async def proxied(
    url: str,
    *,
    forwarding: Forwarding | None = None,
    upstream_limits: UpstreamLimits | None = None,
    limits: ClientLimits | None = None,
    body_bytes_max: int = 1 << 30,
    message_bytes_max: int = 1 << 20,
    wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> AsyncIterator[int]:
    """The bare proxy in front of an upstream, behind our server; the port it listens on."""
    upstream = HttpxUpstream(url, upstream_limits)
    proxy = Proxy(
        upstream,
        WebsocketsUpstream(url, upstream_limits, message_bytes_max=message_bytes_max),
        refusals=PlainRefusals(),
        forwarding=forwarding or Forwarding(),
        body_bytes_max=body_bytes_max,
    )
    try:
        async with served(wrap(proxy), limits) as port:
            yield port
    finally:
        await upstream.aclose()


@dataclass(slots=True)
class Answer:
    """One answer as it arrived."""

    status: int
    head: bytes
    body: bytes

    def all(self, name: bytes) -> list[bytes]:
        lines = (line.partition(b": ") for line in self.head.split(b"\r\n")[1:])
        return [value for said, _, value in lines if said == name]


class Client:
    """A connection that sends what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def answer(self, *, head_only: bool = False) -> Answer:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            head = (await self.reader.readuntil(b"\r\n\r\n"))[:-4]
            answer = Answer(int(head.split(b" ", 2)[1]), head, b"")
            if answer.status == 100:
                return await self.answer(head_only=head_only)
            if not head_only:
                answer.body = await self._body(answer)
            return answer

    async def _body(self, answer: Answer) -> bytes:
        if answer.all(b"transfer-encoding"):
            return await self._chunks()
        return await self.reader.readexactly(int((answer.all(b"content-length") or [b"0"])[0]))

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return body

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            return await self.reader.read()

    def hang_up(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def connected(port: int, *, receive_bytes: int | None = None) -> AsyncIterator[Client]:
    """A client's connection; ``receive_bytes`` makes the kernel's own buffer small."""
    plug = socket.socket()
    if receive_bytes is not None:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=plug)
    try:
        yield Client(reader, writer)
    finally:
        await _aborted(writer)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a limit."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not condition():  # noqa: ASYNC110 - conditions of several tasks, and of other processes
            await asyncio.sleep(0.005)

"""Both ends of a WebSocket: a server and a client of the ``websockets`` library, and frames written by hand."""

import asyncio
import base64
import hashlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.proxy.wire import WAIT_SECONDS_MAX, Client

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


@dataclass(slots=True)
class SocketServer:
    """An upstream that speaks WebSocket, and what became of its sockets."""

    url: str
    sockets: list[ServerConnection] = field(default_factory=list)
    closed: list[tuple[int | None, str | None]] = field(default_factory=list)
    """Of each socket that has ended, as the upstream saw it."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def upstream_of(
    behaviour: Callable[[ServerConnection], Awaitable[None]], **options: Any
) -> AsyncIterator[SocketServer]:
    """Run a WebSocket server; each of its sockets ends when its behaviour does, or its peer leaves."""

    async def behave(socket: ServerConnection) -> None:
        here.sockets.append(socket)
        try:
            await behaviour(socket)
        except ConnectionClosed:
            pass
        finally:
            await socket.wait_closed() if socket.close_code is not None else await socket.close()
            here.closed.append((socket.close_code, socket.close_reason))
            here.ended.set()

    options = {"compression": None, "ping_interval": None, "max_size": None, **options}
    async with serve(behave, "127.0.0.1", 0, **options) as server:
        here = SocketServer(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        yield here


async def echo(socket: ServerConnection) -> None:
    """Say what is said."""
    async for message in socket:
        await socket.send(message)


async def listen(socket: ServerConnection) -> None:
    """Take all that comes, and say nothing."""
    async for _ in socket:
        pass


@asynccontextmanager
async def dialled(port: int, path: str = "/", **options: Any) -> AsyncIterator[ClientConnection]:
    """Call by WebSocket."""
    options = {"compression": None, "ping_interval": None, "proxy": None, "max_size": None, **options}
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        socket = await connect(f"ws://127.0.0.1:{port}{path}", **options)
    try:
        yield socket
    finally:
        socket.transport.abort()


def handshake(target: bytes = b"/", *headers: tuple[bytes, bytes], key: bytes = KEY, version: bytes = b"13") -> bytes:
    """A handshake as a browser writes it."""
    lines = [
        (b"Host", b"api.example"),
        (b"Connection", b"keep-alive, Upgrade"),
        (b"Upgrade", b"websocket"),
        (b"Sec-WebSocket-Key", key),
        (b"Sec-WebSocket-Version", version),
        *headers,
    ]
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (target, b"".join(b"%b: %b\r\n" % line for line in lines))


def accepted(key: bytes, *headers: tuple[bytes, bytes]) -> bytes:
    """The answer that opens a socket."""
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    lines = [
        (b"Upgrade", b"websocket"),
        (b"Connection", b"Upgrade"),
        (b"Sec-WebSocket-Accept", base64.b64encode(digest)),
        *headers,
    ]
    return b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % b"".join(b"%b: %b\r\n" % line for line in lines)


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, length: int | None = None
) -> bytes:
    """A frame; its mask, which changes nothing, is all zero."""
    size = len(payload) if length is None else length
    first = (0x80 if fin else 0) | opcode
    mask_bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, mask_bit | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


async def opened(client: Client, *, target: bytes = b"/") -> None:
    """Open a socket by hand."""
    await client.send(handshake(target))
    answer = await client.answer(head_only=True)
    assert answer.status == 101, answer.head


async def read_frame(client: Client) -> tuple[int, bytes]:
    """The next frame that comes: opcode and payload."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        first, size = await client.reader.readexactly(2)
        if size == 126:
            size = struct.unpack("!H", await client.reader.readexactly(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", await client.reader.readexactly(8))[0]
        return first & 0x0F, await client.reader.readexactly(size)


async def ended(socket: ClientConnection) -> tuple[int, str]:
    """How a client's socket ends, whatever is still said on it."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            await socket.wait_closed()
            return socket.close_code, socket.close_reason

"""One WebSocket on its way: its messages out and back, and its end wherever either side leaves.

One message is in flight at a time, each way, so a slow reader slows its writer and nothing piles up here.
"""

import asyncio
from collections.abc import Callable

from websockets.frames import CloseCode

from meter.gateway.asgi import Message, Receive, Send
from meter.gateway.forwarding import accept_headers
from meter.gateway.socket_wire import Closed, How
from meter.gateway.upstream import (
    Denial,
    Handshake,
    SocketUpstream,
    UpstreamBroken,
    UpstreamError,
    UpstreamSocket,
    UpstreamTimeout,
)

GOODBYE_SECONDS_MAX = 1
"""How long the caller's own goodbye is waited for, once it takes no more messages."""

_SAID = frozenset({CloseCode.ABNORMAL_CLOSURE, CloseCode.TLS_HANDSHAKE})
"""What is said of a socket that ended without a close frame, and never in one (RFC 6455, 7.4.1)."""


class SocketRelay:
    """The two directions of one WebSocket."""

    def __init__(
        self, upstream: SocketUpstream, receive: Receive, send: Send, *, failed: Callable[[UpstreamError], None]
    ) -> None:
        """Keep both sides; ``failed`` hears of an upstream that broke off before the caller does."""
        self._upstream = upstream
        self._receive = receive
        self._send = send
        self._failed = failed
        self._socket: UpstreamSocket | None = None
        self._is_left = False
        self._is_deaf = False

    async def run(self, handshake: Handshake) -> Denial | UpstreamError | None:
        """Relay one WebSocket, and leave nothing open.

        Returns:
            Why the caller got none; None where it got one, or left before.

        Raises:
            UpstreamError: the upstream broke off, or fell silent, after the handshake; the caller was told by 1014.
        """
        try:
            refused = await self._opened(handshake)
            if self._socket is None or self._is_left:
                return refused
            await self._pass(self._socket)
        except UpstreamError as error:
            await self._tell(error)
            raise
        finally:
            if self._socket is not None:
                await self._socket.aclose()
        return None

    async def _opened(self, handshake: Handshake) -> Denial | UpstreamError | None:
        """Ask the upstream, for as long as the caller waits."""
        opening = asyncio.create_task(self._open(handshake))
        watching = asyncio.create_task(self._gone())
        try:
            await asyncio.wait((opening, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(opening, watching)
        if not watching.cancelled():
            watching.result()
        return None if opening.cancelled() else opening.result()

    async def _open(self, handshake: Handshake) -> Denial | UpstreamError | None:
        try:
            answer = await self._upstream.open(handshake)
        except UpstreamError as error:
            return error
        if isinstance(answer, Denial):
            return answer
        self._socket = answer
        return None

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "websocket.disconnect":
            pass
        self._is_left = True

    async def _pass(self, socket: UpstreamSocket) -> None:
        accept = {"type": "websocket.accept", "subprotocol": socket.subprotocol}
        if not await self._sent({**accept, "headers": accept_headers(socket.headers)}):
            return
        out, back = asyncio.create_task(self._out(socket)), asyncio.create_task(self._back(socket))
        try:
            await asyncio.wait((out, back), return_when=asyncio.FIRST_COMPLETED)
            if self._is_deaf:
                await asyncio.wait((out,), timeout=GOODBYE_SECONDS_MAX)
        finally:
            await _end(out, back)
        for task in (out, back):
            if not task.cancelled():
                task.result()

    async def _out(self, socket: UpstreamSocket) -> None:
        """Pass on what the caller says, and its goodbye."""
        while (message := await self._receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            await socket.write(message["bytes"] if text is None else text)
        if message["code"] in _SAID:
            socket.hang_up()
        else:
            socket.close(message["code"], message.get("reason") or "")

    async def _back(self, socket: UpstreamSocket) -> None:
        """Pass on what the upstream says, and its goodbye."""
        while not isinstance(said := await socket.message(), Closed):
            if not await self._sent(_message(said)):
                return
        match said.how:
            case How.PEER:
                await self._sent({"type": "websocket.close", "code": said.code, "reason": said.reason})
            case How.SILENT:
                raise UpstreamTimeout("The upstream fell silent in a WebSocket.")
            case How.BROKEN:
                raise UpstreamBroken(f"The upstream broke off a WebSocket: {said.code} {said.reason}".rstrip() + ".")

    async def _tell(self, error: UpstreamError) -> None:
        self._failed(error)
        await self._sent({"type": "websocket.close", "code": CloseCode.BAD_GATEWAY, "reason": "the service broke off"})

    async def _sent(self, message: Message) -> bool:
        """Send to the caller, and tell whether it is still there."""
        try:
            await self._send(message)
        except OSError:
            self._is_deaf = True
        return not self._is_deaf


def _message(said: str | bytes) -> Message:
    return {"type": "websocket.send", "text" if isinstance(said, str) else "bytes": said}


async def _end(*tasks: asyncio.Task[object]) -> None:
    """Stop what still runs, and wait until it has closed what it holds."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

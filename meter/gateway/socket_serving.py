"""The gateway's WebSockets: one ASGI call each, from a handshake that our HTTP server has read.

Whatever the handshake asks for beyond RFC 6455, compression above all, is not taken: a message is metered and passed on
as it was written.
"""

import asyncio
import logging
from collections.abc import Iterable
from enum import Enum, auto
from http import HTTPStatus

from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.protocol import Protocol as Frames
from websockets.protocol import Side
from websockets.server import ServerProtocol

from meter.gateway.asgi import ASGIApp, Message, Scope
from meter.gateway.socket_wire import Closed, How, SocketLimits, SocketWire

log = logging.getLogger("meter")

STOPPED = "meter.stopped"
"""What a ``websocket.disconnect`` has where the server stops: a code alone could be the caller's."""

_OURS = frozenset({b"connection", b"sec-websocket-accept", b"sec-websocket-extensions", b"upgrade"})
"""Headers of the handshake's answer that are the server's to write."""


class SocketGone(OSError):
    """Something was sent on a socket that has ended (ASGI 3.0, WebSocket 2.4)."""


class _Stage(Enum):
    ASKED = auto()
    DENIED = auto()
    OPEN = auto()
    OVER = auto()


class PatientSocket(SocketWire):
    """One connection that asks to become a WebSocket, and may become one."""

    def __init__(self, app: ASGIApp, scope: Scope, limits: SocketLimits, state: ServerState) -> None:
        super().__init__(limits)
        self._app = app
        self._scope = scope
        self._state = state
        self._stage = _Stage.ASKED
        self._is_greeted = False
        self._is_stopped = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin the call, if the handshake is one."""
        super().connection_made(transport)
        self._state.connections.add(self)  # type: ignore[arg-type] # it asks them for ``shutdown`` alone
        answer = _answer(self._scope)
        if answer.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refuse(answer.status_code, bytes(answer.body))
            return
        self._accept_key = answer.headers["Sec-WebSocket-Accept"].encode()
        task = self._loop.create_task(self._run())
        task.add_done_callback(self._state.tasks.discard)
        self._state.tasks.add(task)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the call."""
        self._state.connections.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; hang up on a client that speaks before it is answered (RFC 6455, 4.1)."""
        if self._stage is _Stage.ASKED:
            self.transport.abort()
        elif self._frames is not None:
            super().data_received(data)

    def shutdown(self) -> None:
        """End the socket: the server stops."""
        self._is_stopped = self._ended is None
        if self._stage is _Stage.ASKED:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, b"The server stops; try again.")
        elif self._stage is _Stage.OPEN:
            self.close(CloseCode.SERVICE_RESTART, "the server stops")

    async def receive(self) -> Message:
        """Give the app what the caller sends."""
        if not self._is_greeted:
            self._is_greeted = True
            return {"type": "websocket.connect"}
        match await self.message():
            case Closed(code=code, reason=reason):
                ended = {"type": "websocket.disconnect", "code": code, "reason": reason}
                return {**ended, STOPPED: True} if self._is_stopped else ended
            case str(text):
                return {"type": "websocket.receive", "text": text}
            case data:
                return {"type": "websocket.receive", "bytes": data}

    async def send(self, message: Message) -> None:
        """Take what the app sends.

        Raises:
            SocketGone: the caller has left.
            RuntimeError: it is not the app's turn to send this.
        """
        await self._writable.wait()
        if self._ended is not None and (self._is_stopped or self._ended.how is not How.OURSELVES):
            raise SocketGone(f"The socket has ended with {self._ended.code}.")
        match self._stage, message["type"]:
            case _Stage.ASKED, "websocket.accept":
                self._accept(message)
            case _Stage.ASKED, "websocket.close":
                self._refuse(HTTPStatus.FORBIDDEN, b"")
            case _Stage.ASKED, "websocket.http.response.start":
                self._deny(message["status"], message.get("headers", ()))
            case _Stage.DENIED, "websocket.http.response.body":
                self._deny_on(message)
            case _Stage.OPEN, "websocket.send":
                text = message.get("text")
                await self.write(message["bytes"] if text is None else text)
            case _Stage.OPEN, "websocket.close":
                self._stage = _Stage.OVER
                self.close(message.get("code", CloseCode.NORMAL_CLOSURE), message.get("reason") or "")
            case stage, kind:
                raise RuntimeError(f"{kind!r} cannot be sent by an app whose socket is {stage.name.lower()}.")

    async def _run(self) -> None:
        code, reason = CloseCode.INTERNAL_ERROR, "the service failed"
        try:
            await self._app(self._scope, self.receive, self.send)
            code, reason = CloseCode.NORMAL_CLOSURE, ""
        except SocketGone:
            pass
        except Exception:
            log.exception("The app failed in a WebSocket.")
        finally:
            self._finish(code, reason)

    def _finish(self, code: int, reason: str) -> None:
        """Leave nothing open when the app is done."""
        if self._stage is _Stage.ASKED and self._ended is None:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, b"The service gave no answer.")
        elif self._stage is _Stage.OPEN:
            self.close(code, reason)
        elif self._stage is _Stage.DENIED:
            self.hang_up()

    def _accept(self, message: Message) -> None:
        headers = [
            (b"connection", b"Upgrade"),
            (b"upgrade", b"websocket"),
            (b"sec-websocket-accept", self._accept_key),
            *(each for each in message.get("headers", ()) if each[0].lower() not in _OURS),
        ]
        if message.get("subprotocol"):
            headers.append((b"sec-websocket-protocol", message["subprotocol"].encode()))
        self._stage = _Stage.OPEN
        self.transport.write(_head(HTTPStatus.SWITCHING_PROTOCOLS, headers))
        self._begin(Frames(Side.SERVER, max_size=self._limits.message_bytes_max))

    def _refuse(self, status: int, body: bytes) -> None:
        """Answer the handshake with a sentence instead of a socket."""
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        self._deny(status, headers)
        self._deny_on({"body": body})

    def _deny(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        kept = [each for each in headers if each[0].lower() not in _OURS]
        self._stage = _Stage.DENIED
        self.transport.write(_head(status, [*kept, (b"connection", b"close")]))

    def _deny_on(self, message: Message) -> None:
        """Send a piece of a denial's body, which ends with the connection."""
        self.transport.write(message.get("body", b""))
        if not message.get("more_body", False):
            self._stage = _Stage.OVER
            self.hang_up()


def socket_scope(scope: Scope) -> Scope:
    """The scope of a WebSocket (ASGI 3.0, WebSocket 2.4), from that of the HTTP request which is its handshake."""
    offered = b",".join(value for name, value in scope["headers"] if name == b"sec-websocket-protocol")
    return {
        **{name: value for name, value in scope.items() if name != "method"},
        "type": "websocket",
        "asgi": {**scope["asgi"], "spec_version": "2.4"},
        "scheme": "wss" if scope["scheme"] == "https" else "ws",
        "subprotocols": [each.strip() for each in offered.decode("latin-1").split(",") if each.strip()],
        "extensions": {**scope["extensions"], "websocket.http.response": {}},
    }


def _answer(scope: Scope) -> Response:
    """What the library answers to a handshake: 101, or what is wrong with it."""
    headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
    return ServerProtocol().accept(Request("/", headers))


def _head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = (b"%b: %b\r\n" % (name, value) for name, value in headers)
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, phrase.encode(), b"".join(lines))

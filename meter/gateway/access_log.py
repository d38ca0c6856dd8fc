"""One line of JSON for every request and WebSocket: what was asked, how it ended, what it cost and used.

Neither a key nor a query is in it. It stands outside the metering, which leaves what it knows of a call in
``scope["meter.call"]``, and what the upstream reports of its usage in ``scope["meter.reported"]``. Where no line is
written, nothing is counted.
"""

import logging
import re
import secrets
import time
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec

from meter.credits import Credits, text
from meter.gateway.asgi import ASGIApp, Message, Receive, Scope, Send
from meter.gateway.reported import REPORTED
from meter.gateway.upstream import UpstreamError

log = logging.getLogger("meter.access")

_SANE = re.compile(rb"[0-9A-Za-z._:+/=-]{1,128}")
_PATH_LETTERS_MAX = 2048


class AccessLog:
    """Give every request of one ASGI app an ``X-Request-Id``, cut what an upstream broke off, and log it all."""

    def __init__(self, app: ASGIApp, *, lines: bool = True) -> None:
        """Wrap an app; ``lines`` False writes no log."""
        self._app = app
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Log HTTP and WebSockets, each when it has ended; pass the rest."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        line = _Line(scope, receive, send)
        try:
            if self._lines:
                scope[REPORTED] = {}
                await self._app(scope, line.counted_receive, line.counted_send)
            else:
                await self._app(scope, receive, line.send)
        except UpstreamError as error:
            if not line.status:
                raise
            line.error = str(error)  # returning without the answer's end makes the server cut the connection
        finally:
            if self._lines:
                log.info(line.written())


class _Line:
    """What is known of one request so far."""

    __slots__ = (
        "_began", "_id", "_receive", "_request_bytes", "_response_bytes", "_scope", "_send",
        "error", "status",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.status: int | None = None
        self.error: str | None = None
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request_bytes = 0
        self._response_bytes = 0
        self._id = _request_id(scope)
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Note the status, and answer the request's id in place of any other."""
        if self.status is None and (status := _status(message)) is not None:
            self.status = status
            others = [header for header in message.get("headers", ()) if header[0].lower() != b"x-request-id"]
            message = {**message, "headers": [*others, (b"x-request-id", self._id)]}
        await self._send(message)

    async def counted_receive(self) -> Message:
        """Pass what the caller sends, and count its bytes."""
        message = await self._receive()
        self._request_bytes += _bytes(message)
        return message

    async def counted_send(self, message: Message) -> None:
        """As ``send``; and count the bytes of what left."""
        await self.send(message)
        self._response_bytes += _bytes(message)

    def written(self) -> str:
        """The line."""
        scope = self._scope
        facts = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "request_id": self._id.decode("ascii"),
            "method": scope.get("method", "GET"),
            "path": scope["path"][:_PATH_LETTERS_MAX],
            "status": self.status,
            "ms": round((time.perf_counter() - self._began) * 1000, 3),
            "request_bytes": self._request_bytes,
            "response_bytes": self._response_bytes,
            **_charged(scope),
            **scope[REPORTED],
        }
        return msgspec.json.encode(facts if self.error is None else {**facts, "error": self.error}).decode()


def _bytes(message: Message) -> int:
    """The bytes of a body, or of what a WebSocket says; heads and frames are not counted."""
    body = message.get("body") or message.get("bytes") or message.get("text")
    if not body:
        return 0
    return len(body.encode()) if isinstance(body, str) else len(body)


def _status(message: Message) -> int | None:
    """The status of the answer whose head a message is; a handshake's is 101, or what denies it."""
    match message["type"]:
        case "http.response.start" | "websocket.http.response.start":
            status: int = message["status"]
            return status
        case "websocket.accept":
            return HTTPStatus.SWITCHING_PROTOCOLS
        case "websocket.close":
            return HTTPStatus.FORBIDDEN
    return None


def _charged(scope: Scope) -> dict[str, object]:
    """What the metering left: the operation, its credits as they are written everywhere, the operation's id."""
    call = scope.get("meter.call")
    if call is None:
        return {"operation": None, "credits": None, "op": None}
    amount = msgspec.Raw(text(Credits(call["credits"])).encode())
    return {"operation": call["operation"], "credits": amount, "op": call["op"]}


def _request_id(scope: Scope) -> bytes:
    """The caller's own id where it is one word of a sane length, else a new one."""
    said = [value for name, value in scope["headers"] if name == b"x-request-id"]
    if len(said) == 1 and _SANE.fullmatch(said[0]):
        own: bytes = said[0]
        return own
    return secrets.token_hex(16).encode()

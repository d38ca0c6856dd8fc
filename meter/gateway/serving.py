"""The gateway's server: uvicorn on httptools, with a deadline for whatever a client can be slow at.

uvicorn alone waits for ever for a head, a body or a reader. Here each connection is looked at ten times within its
shortest deadline, so no deadline is overrun by more than a tenth of that. ``PatientProtocol`` leans on uvicorn's own
attributes; ``tests/proxy/test_serving.py`` notices when they change.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from meter.gateway.asgi import ASGIApp
from meter.gateway.forwarding import HEAD_EXTENSION
from meter.gateway.socket_serving import PatientSocket, socket_scope
from meter.gateway.socket_wire import SocketLimits

Refusal = tuple[HTTPStatus, str]
"""A status and a sentence: what a client is told whose request never becomes a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """How slow, and how verbose, a client may be."""

    head_seconds: float = 10
    """From the first byte of a request's head to its last."""
    body_idle_seconds: float = 30
    """Between two pieces of a request's body; also for all that is left of it once its answer is complete."""
    keep_alive_seconds: float = 60
    """From the connection to its first request, and between two requests."""
    reader_idle_seconds: float = 60
    """Without taking a byte of the answer."""
    head_bytes_max: int = 65_536
    """A request's line and headers; also what may come of a body's framing without a byte of content."""
    message_bytes_max: int = 1_048_576
    """One message of a WebSocket."""

    @property
    def look_seconds(self) -> float:
        """How often a connection is looked at."""
        shortest = min(self.head_seconds, self.body_idle_seconds, self.keep_alive_seconds, self.reader_idle_seconds)
        return shortest / 10

    @property
    def socket(self) -> SocketLimits:
        """The same for a WebSocket, whose client also answers pings."""
        return SocketLimits(message_bytes_max=self.message_bytes_max, idle_seconds=self.reader_idle_seconds)


class _Awaited(Enum):
    """What the client has to send next."""

    REQUEST = auto()
    HEAD = auto()
    BODY = auto()


class PatientProtocol(HttpToolsProtocol):
    """One connection, whose client may be slow, up to a limit."""

    config: "ServerConfig"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look at the connection."""
        super().connection_made(transport)
        self._limits = self.config.limits
        self._running: RequestResponseCycle | None = None
        self._refusal: Refusal | None = None
        self._names: list[bytes] = []
        self._is_handshake = False
        self._silent_bytes = 0
        self._unsent_bytes = 0
        self._unsent_since = self.loop.time()
        self._await(_Awaited.REQUEST)
        self._looking = self.loop.call_later(self._limits.look_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the call that runs, which need not be the last that was read."""
        self._looking.cancel()
        if self._running is not None and self._is_busy():
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; refuse a client that sends and sends without getting to the point."""
        self._arrived_bytes = len(data)
        self._silent_bytes += len(data)
        super().data_received(data)
        if self._silent_bytes > self._limits.head_bytes_max:
            self._refuse(self._too_large())

    def on_message_begin(self) -> None:
        """Start the head's clock."""
        super().on_message_begin()
        self._names = []
        self._await(_Awaited.HEAD)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the name's spelling; drop trailers, which would join the headers of a call that runs already."""
        if self._awaited is _Awaited.HEAD:
            super().on_header(name, value)
            self._names.append(name)

    def on_headers_complete(self) -> None:
        """Check the head as a whole, and leave the target and the names as they were sent in the scope."""
        self._refusal = self._head_refusal()
        if self._refusal is not None:
            raise ValueError(self._refusal[1])  # stops the parser, which then calls send_400_response
        self._silent_bytes = 0
        self._await(_Awaited.BODY)
        self._is_handshake = self._asks_for_a_socket()
        super().on_headers_complete()
        self.scope["raw_path"], _, self.scope["query_string"] = self.url.partition(b"?")
        self.scope["extensions"] = {HEAD_EXTENSION: {"target": self.url, "names": self._names}}
        if self._is_handshake:
            self.scope["path"] = self.root_path + unquote(httptools.parse_url(self.url).path.decode("ascii"))
        elif self.parser.should_upgrade():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Restart the body's clock, unless its call is over."""
        super().on_body(body)
        self._silent_bytes = 0
        if not self.cycle.response_complete:
            self._await(_Awaited.BODY)

    def on_message_complete(self) -> None:
        """Wait for the next request."""
        super().on_message_complete()
        self._silent_bytes = 0
        self._await(_Awaited.REQUEST)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; hang up on a client that speaks before it is answered (RFC 6455, 4.1)."""
        error = sys.exception()
        if isinstance(error, httptools.HttpParserUpgrade) and error.args[0] < self._arrived_bytes:
            self.transport.abort()
            return
        self._looking.cancel()
        self.connections.discard(self)
        socket = PatientSocket(self.app, socket_scope(dict(self.scope)), self._limits.socket, self.server_state)
        self.transport.set_protocol(socket)
        socket.connection_made(self.transport)

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused, or what we refused within it."""
        self._refuse(self._refusal or (HTTPStatus.BAD_REQUEST, msg))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _should_upgrade(self) -> bool:
        return self._is_handshake

    def _asks_for_a_socket(self) -> bool:
        """Whether a request becomes a WebSocket; behind another that still runs, it stays an ordinary one."""
        asked = self.parser.should_upgrade() and self._get_upgrade() == b"websocket"
        plain = self.parser.get_method() == b"GET" and self.parser.get_http_version() == "1.1"
        return bool(asked and plain and not self._is_busy())

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: an upgrade that is not taken is an ordinary request (RFC 9110, 7.8)."""

    def _await(self, awaited: _Awaited) -> None:
        self._awaited = awaited
        self._since = self.loop.time()

    def _head_refusal(self) -> Refusal | None:
        """Why a complete head is no call, if it isn't one (RFC 9112, 3.2 and 6.1)."""
        if (
            len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            > self._limits.head_bytes_max
        ):
            return self._too_large()
        said = [name for name, _ in self.headers]
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if codings and (len(codings) > 1 or codings[0].lower() != b"chunked"):
            return (HTTPStatus.NOT_IMPLEMENTED, "The one transfer coding that is understood is chunked.")
        if said.count(b"host") > 1 or (b"host" not in said and self.parser.get_http_version() == "1.1"):
            return (HTTPStatus.BAD_REQUEST, f"The request has {said.count(b'host')} Host headers; send one.")
        if self.parser.should_upgrade() and (codings or b"content-length" in said):
            return (HTTPStatus.BAD_REQUEST, "A request with a body cannot ask for an upgrade; leave Upgrade out.")
        return None

    def _too_large(self) -> Refusal:
        most = self._limits.head_bytes_max
        return (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"The request's head is longer than {most} bytes.")

    def _look(self) -> None:
        """Cut a client that has been slower than it may be."""
        self._looking = self.loop.call_later(self._limits.look_seconds, self._look)
        now = self.loop.time()
        if self._is_unread(now):
            self.transport.abort()
        elif self._is_ours_to_wait() or self.transport.is_closing():
            self._since = now
        else:
            self._cut(now - self._since)

    def _is_unread(self, now: float) -> bool:
        """Whether the client has taken nothing of what waits for it, for too long."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent_bytes:
            self._unsent_bytes, self._unsent_since = unsent, now
        return now - self._unsent_since > self._limits.reader_idle_seconds

    def _is_ours_to_wait(self) -> bool:
        """Whether it is our turn: we read no further, or the client waits for its answer."""
        return self.flow.read_paused or (self._awaited is _Awaited.REQUEST and self._is_busy())

    def _cut(self, waited: float) -> None:
        match self._awaited:
            case _Awaited.REQUEST if waited > self._limits.keep_alive_seconds:
                self.transport.close()
            case _Awaited.HEAD if waited > self._limits.head_seconds:
                self._refuse(_late("head", self._limits.head_seconds))
            case _Awaited.BODY if waited > self._limits.body_idle_seconds and self.cycle.response_complete:
                self.transport.close()
            case _Awaited.BODY if waited > self._limits.body_idle_seconds:
                self._refuse(_late("body", self._limits.body_idle_seconds))

    def _refuse(self, refusal: Refusal) -> None:
        """Answer outside of any call, where no other answer is in the way, and close."""
        if self.transport.is_closing():
            return
        if self._may_answer():
            self.transport.write(_answer(*refusal))
        self.transport.close()

    def _may_answer(self) -> bool:
        """Whether an answer written now is taken for the answer to the request that it refuses."""
        if not self._is_busy():
            return True
        return self._awaited is _Awaited.BODY and self._running is self.cycle and not self.cycle.response_started

    def _is_busy(self) -> bool:
        return self._running is not None and not self._running.response_complete


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration for the gateway: HTTP/1.1 alone, no headers of its own, and no client believed."""

    def __init__(
        self,
        app: ASGIApp | Callable[[], ASGIApp] | str,
        *,
        limits: ClientLimits | None = None,
        **options: Any,  # noqa: ANN401 - uvicorn's own
    ) -> None:
        """Take uvicorn's other options besides: ``host``, ``port``, ``workers``, ``factory``, ``log_config``."""
        self.limits = limits or ClientLimits()
        super().__init__(
            app,
            http=PatientProtocol,
            ws="none",  # ``PatientProtocol`` hands its handshakes over by itself
            proxy_headers=False,
            server_header=False,
            date_header=False,
            access_log=False,
            timeout_keep_alive=int(self.limits.keep_alive_seconds) + 1,
            **options,
        )


def _late(part: str, seconds: float) -> Refusal:
    return (HTTPStatus.REQUEST_TIMEOUT, f"The request's {part} did not come within {seconds:g} s.")


def _answer(status: HTTPStatus, sentence: str) -> bytes:
    body = sentence.encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body

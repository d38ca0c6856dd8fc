"""What stands behind the gateway, as the proxy sees it: one request out, one answer back, both as streams of bytes.

Whoever writes another implementation keeps this promise; the suite in ``tests/proxy`` compares the bytes at a socket.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from meter.gateway.socket_wire import Closed, Message

Headers = list[tuple[bytes, bytes]]
"""Names and values in their order; a name may come more than once."""


class UpstreamError(Exception):
    """Base of what an upstream raises; the message is a sentence for the operator, and names no caller."""


class UpstreamUnreachable(UpstreamError):
    """No connection could be made: nothing of the request has left."""


class UpstreamTimeout(UpstreamError):
    """The upstream let a declared limit pass."""


class UpstreamBroken(UpstreamError):
    """The upstream broke off, or wrote what is no HTTP answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRequest:
    """One request, as it shall leave."""

    method: str
    target: bytes
    """The request target with its query, byte for byte."""
    headers: Headers
    """All of them, ``Host`` and the framing included; nothing is added."""
    body: AsyncIterator[bytes] | None
    """None where the request has none. Its next piece is asked for when the one before it has been written."""


class UpstreamAnswer(Protocol):
    """The answer to one request; its head has arrived."""

    @property
    def status(self) -> int:
        """The status of the final answer, 200 to 599."""
        ...

    @property
    def headers(self) -> Headers:
        """The headers as they were written, hop-by-hop ones included; no value holds a control byte."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it came, piece by piece, read when it is asked for.

        May raise ``UpstreamTimeout``, ``UpstreamBroken``, and nothing else.
        """
        ...

    async def aclose(self) -> None:
        """Give the connection back, or close it where something of the answer is left.

        Raises nothing, and may be called twice.
        """
        ...


class Upstream(Protocol):
    """One origin behind the gateway."""

    @property
    def authority(self) -> bytes:
        """The host, and the port where it is not the scheme's own: what ``Host`` says."""
        ...

    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Send a request once, and wait for the head of its answer.

        May raise ``UpstreamUnreachable``, ``UpstreamTimeout``, ``UpstreamBroken``, what the request's body raises, and
        nothing else. Afterwards the body is not read any more. Never retries and follows no redirect.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """One request for a WebSocket, as it shall leave but for what makes it a handshake."""

    target: bytes
    """The request target with its query, byte for byte."""
    headers: Headers
    """All but ``Connection``, ``Upgrade`` and the ``Sec-WebSocket-`` ones of the connection alone."""
    subprotocols: tuple[str, ...]
    """What the headers offer: the upstream may choose one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """The answer to a handshake that got no socket."""

    status: int
    headers: Headers
    body: bytes


class UpstreamSocket(Protocol):
    """A WebSocket with the upstream, opened."""

    @property
    def headers(self) -> Headers:
        """The headers of the answer to the handshake, as they were written."""
        ...

    @property
    def subprotocol(self) -> str | None:
        """What the upstream chose of the subprotocols that it was offered."""
        ...

    async def message(self) -> Message | Closed:
        """The next message; once there is none left, how the socket ended, as often as it is asked. Raises nothing."""
        ...

    async def write(self, message: Message) -> None:
        """Write a message when there is room; where the socket has ended, throw it away. Raises nothing."""
        ...

    def close(self, code: int, reason: str = "") -> None:
        """End the socket by a close frame, without a code where it is 1005; does nothing where it has ended."""
        ...

    def hang_up(self) -> None:
        """End the connection without a close frame; what was written before still leaves."""
        ...

    async def aclose(self) -> None:
        """End the socket if nobody has, and wait until its connection is gone. Raises nothing, and may come twice."""
        ...


class SocketUpstream(Protocol):
    """One origin behind the gateway, as far as it speaks WebSocket."""

    async def open(self, handshake: Handshake) -> UpstreamSocket | Denial:
        """Ask once for a WebSocket, and wait for the whole answer.

        May raise ``UpstreamUnreachable``, ``UpstreamTimeout``, ``UpstreamBroken``, and nothing else. Never retries and
        follows no redirect.
        """
        ...

"""The upstream's WebSockets over the ``websockets`` library's frames: raw targets, no redirects, no retries.

Its own client must never come here: it follows redirects, rewrites targets, adds headers, and takes an upstream whose
caller reads slowly for one that is gone.
"""

import asyncio
import ssl

import httpx
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.protocol import Event, State
from websockets.protocol import Protocol as Frames
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from meter.gateway.httpx_upstream import UpstreamLimits, origin
from meter.gateway.socket_wire import SocketLimits, SocketWire
from meter.gateway.upstream import (
    Denial,
    Handshake,
    Headers,
    UpstreamBroken,
    UpstreamSocket,
    UpstreamTimeout,
    UpstreamUnreachable,
)

_FINAL = range(200, 600)


class WebsocketsUpstream:
    """One origin, reached over plain TCP or TLS; every socket has a connection of its own."""

    def __init__(self, url: str, limits: UpstreamLimits | None = None, *, message_bytes_max: int = 1_048_576) -> None:
        """Read the origin's URL: ``http://HOST[:PORT]`` or ``https://…``, without a path.

        Raises:
            ValueError: it is anything else.
        """
        self._url = origin(url)
        self._limits = limits or UpstreamLimits()
        self._socket_limits = SocketLimits(message_bytes_max=message_bytes_max, idle_seconds=self._limits.idle_seconds)
        self._tls = _tls() if self._url.scheme == "https" else None

    async def open(self, handshake: Handshake) -> UpstreamSocket | Denial:
        """Ask once for a WebSocket, and wait for the whole answer."""
        socket = await self._connected(handshake)
        answer: UpstreamSocket | Denial | None = None
        try:
            async with asyncio.timeout(self._limits.answer_seconds):
                answer = await socket.answer()
        except TimeoutError as error:
            raise UpstreamTimeout(f"{self._url} did not answer a handshake in time.") from error
        finally:
            if answer is not socket:
                socket.transport.abort()
        assert answer is not None
        return answer

    async def _connected(self, handshake: Handshake) -> "_Socket":
        """Connect, and write the handshake."""
        host, secure = self._url.host, self._tls is not None
        port = self._url.port or (443 if secure else 80)
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                _, socket = await asyncio.get_running_loop().create_connection(
                    lambda: _Socket(handshake, str(self._url), self._socket_limits),
                    host,
                    port,
                    ssl=self._tls,
                    server_hostname=host if secure else None,
                )
        except TimeoutError as error:
            raise UpstreamTimeout(f"{self._url} did not accept a connection in time.") from error
        except OSError as error:
            raise UpstreamUnreachable(f"{self._url} accepts no connection: {error}.") from error
        return socket


class _Socket(SocketWire):
    """One WebSocket with the upstream, from its handshake on."""

    def __init__(self, handshake: Handshake, shown: str, limits: SocketLimits) -> None:
        super().__init__(limits)
        self._handshake = handshake
        self._shown = shown
        self._client = _client(handshake, limits)
        self._response: Response | None = None
        self._answered = asyncio.Event()
        self.headers: Headers = []
        self.subprotocol: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask for the socket."""
        super().connection_made(transport)
        self._begin(self._client)
        self.transport.write(_written(self._handshake, self._client.key))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for the answer."""
        super().connection_lost(exc)
        self._answered.set()

    async def answer(self) -> "_Socket | Denial":
        """The answer to the handshake.

        Raises:
            UpstreamBroken: it is none.
        """
        await self._answered.wait()
        flaw, response = self._client.handshake_exc, self._response
        if flaw is None and response is not None:
            self.headers, self.subprotocol = _headers(response), self._client.subprotocol
            return self
        if isinstance(flaw, InvalidStatus) and response is not None and response.status_code in _FINAL:
            return Denial(status=response.status_code, headers=_headers(response), body=bytes(response.body))
        raise UpstreamBroken(f"{self._shown} broke off a handshake: {flaw or 'the connection was lost'}.") from flaw

    def _settle(self, frames: Frames) -> None:
        super()._settle(frames)
        if self._client.handshake_exc is not None or self._client.state is not State.CONNECTING:
            self._answered.set()

    def _take(self, event: Event, frames: Frames) -> None:
        if isinstance(event, Response):
            self._response = event
        else:
            super()._take(event, frames)


def _client(handshake: Handshake, limits: SocketLimits) -> ClientProtocol:
    """The library's side of a handshake that we write ourselves: it knows the key, and checks the answer."""
    unused = WebSocketURI(secure=False, host="", port=0, path="", query="")
    offered = [Subprotocol(each) for each in handshake.subprotocols]
    return ClientProtocol(unused, subprotocols=offered or None, max_size=limits.message_bytes_max)


def _written(handshake: Handshake, key: str) -> bytes:
    headers = [
        *handshake.headers,
        (b"Connection", b"Upgrade"),
        (b"Upgrade", b"websocket"),
        (b"Sec-WebSocket-Key", key.encode()),
        (b"Sec-WebSocket-Version", b"13"),
    ]
    lines = b"".join(b"%b: %b\r\n" % each for each in headers)
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (handshake.target, lines)


def _headers(response: Response) -> Headers:
    return [(name.encode(), value.encode("latin-1")) for name, value in response.headers.raw_items()]


def _tls() -> ssl.SSLContext:
    """The same roots of trust as for HTTP."""
    context = httpx.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context

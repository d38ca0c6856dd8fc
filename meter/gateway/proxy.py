"""The reverse proxy: an ASGI app that sends each request on as it came, and streams the answer back.

It knows nothing of credits. What is refused here is refused before the upstream hears of it; ``relay`` does the rest.
"""

import logging
from typing import Protocol
from urllib.parse import unquote

from meter.gateway.asgi import ASGIApp, Receive, Scope, Send
from meter.gateway.forwarding import (
    Forwarding,
    answer_headers,
    handshake_headers,
    has_body,
    is_websocket,
    request_headers,
    target_of,
)
from meter.gateway.relay import BodyTooLarge, Caller, Relay
from meter.gateway.socket_relay import SocketRelay
from meter.gateway.upstream import (
    Denial,
    Handshake,
    SocketUpstream,
    Upstream,
    UpstreamError,
    UpstreamRequest,
    UpstreamTimeout,
)

log = logging.getLogger("meter")

_NOT_ONE = "The request target is more than a path and a query."


class Refusals(Protocol):
    """The answers that the proxy gives by itself."""

    def upstream_failed(self, reason: str) -> ASGIApp:
        """502."""
        ...

    def upstream_timeout(self, reason: str) -> ASGIApp:
        """504."""
        ...

    def body_too_large(self, bytes_max: int) -> ASGIApp:
        """413."""
        ...

    def ambiguous_path(self, reason: str) -> ASGIApp:
        """400."""
        ...

    def websocket_unpriced(self) -> ASGIApp:
        """403, or a handshake's denial."""
        ...


class Proxy:
    """Pass every call on to one upstream."""

    def __init__(
        self,
        upstream: Upstream,
        sockets: SocketUpstream,
        *,
        refusals: Refusals,
        forwarding: Forwarding,
        body_bytes_max: int,
    ) -> None:
        """Keep the parts; ``upstream`` and ``sockets`` are the same origin, for HTTP and for WebSockets."""
        self._upstream = upstream
        self._sockets = sockets
        self._refusals = refusals
        self._forwarding = forwarding
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass HTTP and WebSockets on, and close the upstream when the server ends.

        Raises:
            UpstreamError: the answer broke after its head, so the server must cut the connection.
        """
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)
            case other:
                raise ValueError(f"The proxy cannot pass on {other!r}; it knows http, websocket and lifespan.")

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_one(target_of(scope), scope["path"]):
            await self._refusals.ambiguous_path(_NOT_ONE)(scope, receive, send)
            return
        if (await receive())["type"] != "websocket.connect":
            return

        def broke_off(error: UpstreamError) -> None:
            _note_failure(error, scope, "timeout_midway" if isinstance(error, UpstreamTimeout) else "raised_midway")

        relay = SocketRelay(self._sockets, receive, send, failed=broke_off)
        refused = await relay.run(self._handshake(scope))
        if isinstance(refused, Denial):
            await _deny(refused, scope, send)
        elif refused is not None:
            await self._answer_for(refused, scope)(scope, receive, send)

    def _handshake(self, scope: Scope) -> Handshake:
        return Handshake(
            target=target_of(scope),
            headers=handshake_headers(scope, self._forwarding, self._upstream.authority),
            subprotocols=tuple(scope["subprotocols"]),
        )

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        caller = Caller(receive, bytes_max=self._body_bytes_max, has_body=has_body(scope))
        relay = Relay(self._upstream, caller, send)
        refused = await relay.run(self._request(scope, caller))
        if refused is not None:
            await self._answer_for(refused, scope)(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        """The answer to a request that goes no further, found before its body is asked for."""
        if is_websocket(scope["headers"]):
            return self._refusals.websocket_unpriced()
        if not _is_one(target_of(scope), scope["path"]):
            return self._refusals.ambiguous_path(_NOT_ONE)
        if _declared_length(scope) > self._body_bytes_max:
            return self._refusals.body_too_large(self._body_bytes_max)
        return None

    def _request(self, scope: Scope, caller: Caller) -> UpstreamRequest:
        return UpstreamRequest(
            method=scope["method"],
            target=target_of(scope),
            headers=request_headers(scope, self._forwarding, self._upstream.authority),
            body=caller.chunks() if has_body(scope) else None,
        )

    def _answer_for(self, refused: UpstreamError | BodyTooLarge, scope: Scope) -> ASGIApp:
        """Find the answer to a call that got none; why is for the operator, who alone knows the upstream's address."""
        if isinstance(refused, BodyTooLarge):
            return self._refusals.body_too_large(self._body_bytes_max)
        if isinstance(refused, UpstreamTimeout):
            _note_failure(refused, scope, "timeout")
            return self._refusals.upstream_timeout("The service did not answer in time.")
        _note_failure(refused, scope, "connect_error")
        return self._refusals.upstream_failed("The service gave no answer that could be passed on.")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._upstream.aclose()
        await send({"type": "lifespan.shutdown.complete"})


def _note_failure(error: UpstreamError, scope: Scope, end: str) -> None:
    """Tell the operator why a call got no answer, or not all of it, and the metering around us how that counts."""
    log.warning("A call failed upstream: %s", error)
    scope["meter.failure"] = end


async def _deny(denial: Denial, scope: Scope, send: Send) -> None:
    """Pass on why the upstream gives no socket, where the server can."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close"})
        return
    headers = answer_headers(denial.status, denial.headers)
    if denial.body and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", b"%d" % len(denial.body)))
    await send({"type": "websocket.http.response.start", "status": denial.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": denial.body})


def _is_one(target: bytes, path: str) -> bool:
    """Whether the target that goes on is the path that was matched; a URL, or a fragment, is not."""
    return unquote(target.partition(b"?")[0].decode("latin-1")) == path and b"#" not in target


def _declared_length(scope: Scope) -> int:
    return max((int(value) for name, value in scope["headers"] if name == b"content-length"), default=0)

"""The reverse proxy: an ASGI app that sends each request on as it came, and streams the answer back.

It knows nothing of credits. What is refused here is refused before the upstream hears of it; ``relay`` does the rest.
"""

import logging
from typing import Protocol
from urllib.parse import unquote

from meter.gateway.asgi import ASGIApp, Receive, Scope, Send
from meter.gateway.forwarding import Forwarding, has_body, is_websocket, request_headers, target_of
from meter.gateway.relay import BodyTooLarge, Caller, Relay
from meter.gateway.upstream import Upstream, UpstreamError, UpstreamRequest, UpstreamTimeout

log = logging.getLogger("meter")


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

    def __init__(self, upstream: Upstream, *, refusals: Refusals, forwarding: Forwarding, body_bytes_max: int) -> None:
        self._upstream = upstream
        self._refusals = refusals
        self._forwarding = forwarding
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass HTTP on, refuse WebSockets, and close the upstream when the server ends.

        Raises:
            UpstreamError: the answer broke after its head, so the server must cut the connection.
        """
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._refusals.websocket_unpriced()(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)
            case other:
                raise ValueError(f"The proxy cannot pass on {other!r}; it knows http, websocket and lifespan.")

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
            return self._refusals.ambiguous_path("The request target is more than a path and a query.")
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
        log.warning("A call got no answer: %s", refused)
        if isinstance(refused, UpstreamTimeout):
            scope["meter.failure"] = "timeout"
            return self._refusals.upstream_timeout("The service did not answer in time.")
        scope["meter.failure"] = "connect_error"
        return self._refusals.upstream_failed("The service gave no answer that could be passed on.")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._upstream.aclose()
        await send({"type": "lifespan.shutdown.complete"})


def _is_one(target: bytes, path: str) -> bool:
    """Whether the target that goes on is the path that was matched; a URL, or a fragment, is not."""
    return unquote(target.partition(b"?")[0].decode("latin-1")) == path and b"#" not in target


def _declared_length(scope: Scope) -> int:
    return max((int(value) for name, value in scope["headers"] if name == b"content-length"), default=0)

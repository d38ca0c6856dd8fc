"""A whole answer of our own, as an ASGI app: to a request, and to a WebSocket that is refused."""

from dataclasses import dataclass

from meter.gateway.asgi import Receive, Scope, Send
from meter.gateway.headers import Headers

_POLICY_VIOLATION = 1008
_CLOSE_REASON_BYTES_MAX = 123
"""What a WebSocket's close frame can hold (RFC 6455, 5.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole answer, as an ASGI app."""

    status: int
    headers: Headers
    body: bytes
    detail: str = ""
    """What a WebSocket is told where the server cannot send it an answer."""

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer HTTP, without a body to HEAD; refuse a WebSocket before it is accepted."""
        if scope["type"] == "http":
            await self._answer("http.response", b"" if scope["method"] == "HEAD" else self.body, send)
        elif "websocket.http.response" in (scope.get("extensions") or {}):
            await self._answer("websocket.http.response", self.body, send)
        else:
            reason = self.detail.encode()[:_CLOSE_REASON_BYTES_MAX].decode(errors="ignore")
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": reason})

    async def _answer(self, kind: str, body: bytes, send: Send) -> None:
        await send({"type": f"{kind}.start", "status": self.status, "headers": self.headers})
        await send({"type": f"{kind}.body", "body": body})

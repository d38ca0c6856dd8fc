"""Which headers go on, and which end here: the rules of an HTTP gateway (RFC 9110, 7.6), as functions over lists.

The order, the duplicates and the spelling of what goes on are the sender's. Whoever takes another header writes down
why it may not pass.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from meter.gateway.addresses import Networks, is_listed, peer
from meter.gateway.asgi import Scope
from meter.gateway.upstream import Headers

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Of one connection only (RFC 9110, 7.6.1; the ``Proxy-`` ones are for the first proxy that asks for them)."""

OVERRIDES = frozenset(
    {
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-url",
        b"x-rewrite-url",
    }
)
"""Make an upstream serve another method or path than the one that was priced."""

METERED = frozenset({b"credits-usage", b"credits-price"})
"""Believed from the upstream alone, so no caller may say them."""

CLAIMS = frozenset({b"forwarded", b"x-real-ip"})
"""Say who called, as the ``X-Forwarded-`` ones do: believed from listed proxies only."""

ANSWERED_HERE = frozenset({b"expect", b"host"})
"""We say ``100 Continue`` ourselves when the body is first asked for, and write our own ``Host``."""

OF_ONE_SOCKET = frozenset(
    {
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"sec-websocket-key",
        b"sec-websocket-version",
    }
)
"""Of one WebSocket's connection only, as compression is (RFC 6455, 4 and 9); subprotocols are of both ends."""

NEVER_NAMED = frozenset({b"content-length", b"host"})
"""Hold a message together: a ``Connection`` header that names them is not obeyed."""

HEAD_EXTENSION = "meter.head"
"""The ASGI extension in which our server leaves the ``target`` and the header ``names`` as they were sent."""

_KEY = re.compile(rb"(?:bearer[ \t]+)?mk_[0-9A-Za-z_-]{40,}", re.IGNORECASE)
_SCHEMES = {"http": b"http", "https": b"https", "ws": b"http", "wss": b"https"}
"""How a request came; a handshake is one of HTTP."""
_NO_LENGTH = frozenset({204, 304})


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """What an operator decides about headers."""

    preserve_host: bool = False
    """Send the caller's ``Host`` on, instead of the upstream's own authority."""
    trusted: Networks = ()
    """The proxies before us whose ``X-Forwarded-*`` are believed, and added to."""
    strip_keys: bool = True
    """Keep our own API keys (``mk_…``) from the upstream, and so from its logs; other credentials always pass."""
    prefix: bytes = b"x-credits-"
    """What the names of our headers begin with, in lower case."""


def target_of(scope: Scope) -> bytes:
    """The request target with its query, as it was sent; made from the path where the server doesn't keep it."""
    head = _head(scope)
    if head is not None:
        target: bytes = head["target"]
        return target
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return path + b"?" + query if query else path


def is_websocket(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether an HTTP request asks to become a WebSocket (RFC 6455, 4.1)."""
    return any(name == b"upgrade" and b"websocket" in value.lower() for name, value in headers)


def has_body(scope: Scope) -> bool:
    """Whether a request has a body: HTTP/1 always says so, later versions need not."""
    if scope["http_version"] not in ("1.0", "1.1"):
        return True
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])


def request_headers(scope: Scope, rules: Forwarding, authority: bytes) -> Headers:
    """The headers that a request arrives with at an upstream of that authority."""
    headers: Headers = scope["headers"]
    believed = _is_trusted(scope, rules)
    ended = HOP_BY_HOP | OVERRIDES | METERED | ANSWERED_HERE | _named(headers)
    kept = [
        (spelled, value)
        for (name, value), spelled in zip(headers, _spelled(scope), strict=True)
        if name not in ended
        and not name.startswith(rules.prefix)
        and (believed or not _is_claim(name))
        and name != b"x-forwarded-for"
        and not (rules.strip_keys and _KEY.fullmatch(value))
    ]
    host = _first(headers, b"host") or authority
    kept.insert(0, (b"Host", host if rules.preserve_host else authority))
    return kept + _framing(scope) + _forwarded(scope, host=host, believed=believed)


def handshake_headers(scope: Scope, rules: Forwarding, authority: bytes) -> Headers:
    """The headers that a WebSocket's handshake arrives with, but for those of its connection."""
    headers = request_headers(scope, rules, authority)
    return [(name, value) for name, value in headers if name.lower() not in OF_ONE_SOCKET]


def accept_headers(headers: Headers) -> Headers:
    """The headers of an upstream's 101 as the caller shall see them, in lower case; the server writes the others."""
    ended = OF_ONE_SOCKET | {b"content-length", b"sec-websocket-protocol"}
    return [(name, value) for name, value in answer_headers(101, headers) if name not in ended]


def answer_headers(status: int, headers: Headers) -> Headers:
    """The headers of an upstream's answer as the caller shall see them, in lower case."""
    lowered = [(name.lower(), value) for name, value in headers]
    ended = HOP_BY_HOP | _named(lowered)
    if status in _NO_LENGTH or any(name == b"transfer-encoding" for name, _ in lowered):
        ended |= {b"content-length"}
    return [(name, value) for name, value in lowered if name not in ended]


def _named(headers: Headers) -> frozenset[bytes]:
    """The names that ``Connection`` headers say are of this connection only."""
    return frozenset(
        token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",")
    ).difference(NEVER_NAMED)


def _spelled(scope: Scope) -> list[bytes]:
    """The names of a request's headers as they were sent, where our server kept them; ASGI has them in lower case."""
    lowered = [name for name, _ in scope["headers"]]
    head = _head(scope)
    spelled: list[bytes] = head["names"] if head is not None else lowered
    return spelled if [name.lower() for name in spelled] == lowered else lowered


def _head(scope: Scope) -> dict[str, Any] | None:
    head: dict[str, Any] | None = (scope.get("extensions") or {}).get(HEAD_EXTENSION)
    return head


def _is_claim(name: bytes) -> bool:
    return name in CLAIMS or name.startswith(b"x-forwarded-")


def _framing(scope: Scope) -> Headers:
    """``Transfer-Encoding`` for a body whose length is not declared, and never both."""
    if not has_body(scope) or _first(scope["headers"], b"content-length") is not None:
        return []
    return [(b"Transfer-Encoding", b"chunked")]


def _forwarded(scope: Scope, *, host: bytes, believed: bool) -> Headers:
    """Who called, by which scheme and name: added to what a trusted proxy says, else in place of it."""
    headers: Headers = scope["headers"]
    said = frozenset(name for name, _ in headers) if believed else frozenset()
    hops = [value for name, value in headers if name == b"x-forwarded-for" and believed]
    hops += [scope["client"][0].encode()] if scope.get("client") else []
    facts = [
        (b"X-Forwarded-For", b", ".join(hops)),
        (b"X-Forwarded-Proto", _SCHEMES[scope["scheme"]]),
        (b"X-Forwarded-Host", host),
    ]
    return [(name, value) for name, value in facts if value and name.lower() not in said - {b"x-forwarded-for"}]


def _is_trusted(scope: Scope, rules: Forwarding) -> bool:
    address = peer(scope) if rules.trusted else None
    return address is not None and is_listed(address, rules.trusted)


def _first(headers: Headers, wanted: bytes) -> bytes | None:
    return next((value for name, value in headers if name == wanted), None)

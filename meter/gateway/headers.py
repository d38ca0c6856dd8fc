"""The headers of a metered answer: ours put in, what is no longer true or not ours to pass taken out.

Everything works on lists of (name, value) whose names ``lowered`` brought to lower case; of what is not ours to change,
order and duplicates stay.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from meter.credits import MICRO, text
from meter.gateway.figures import Figures
from meter.gateway.preview import next_price
from meter.gateway.wire import moment

Headers = list[tuple[bytes, bytes]]

_FROM_UPSTREAM = frozenset({b"credits-usage", b"credits-price"})
_IN_OUR_NAME = b"x-credits-"
_OF_OLD_BYTES = frozenset(
    {b"accept-ranges", b"content-digest", b"content-length", b"content-md5", b"digest", b"repr-digest"}
)
"""What is said of the bytes of a body, and is not true of others."""
_FOR_SHARED_CACHES = frozenset(
    {b"cdn-cache-control", b"cloudflare-cdn-cache-control", b"surrogate-control", b"vercel-cdn-cache-control"}
)
"""What shared caches obey before Cache-Control (RFC 9213)."""
_DIRECTIVE = re.compile(rb'(?:[^",]|"(?:[^"\\]|\\.)*+")++')
_SHARED = frozenset({b"public", b"s-maxage"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditHeaders:
    """Which headers tell of credits."""

    prefix: str = "X-Credits-"
    """What the names of ours begin with, the pair's excepted."""
    rate_limit: bool = True
    """Also write RateLimit-Policy and RateLimit."""

    def told(self, headers: Headers, figures: Figures | None) -> Headers:
        """Make the headers of an answer: the app's, without what is not its to say, and with ours.

        Args:
            headers: as the app wrote them, from ``lowered``.
            figures: what to tell; None tells nothing, and takes out what the upstream told in our name.
        """
        if figures is None:
            return _stripped(headers, _withdrawn(self.prefix, ()))
        ours = self.of(figures)
        names = tuple(name for name, _ in ours)
        kept = _kept_private(_stripped(headers, _withdrawn(self.prefix, names)))
        return _exposed(kept, names) + ours

    def of(self, figures: Figures) -> Headers:
        """Write the figures as headers."""
        ours = [
            self._cost(figures),
            (_name(self.prefix, "remaining"), text(figures.remaining).encode()),
        ]
        if figures.coming is not None:
            ours.append((_name(self.prefix, "next"), next_price(figures.coming)))
        if figures.reset_at is None:
            return ours
        ours.append((_name(self.prefix, "reset-at"), moment(figures.reset_at).encode()))
        return ours + _pair(figures, figures.reset_at) if self.rate_limit else ours

    def _cost(self, figures: Figures) -> tuple[bytes, bytes]:
        if figures.reserved is not None:
            return _name(self.prefix, "reserved"), text(figures.reserved).encode()
        return _name(self.prefix, "consumed"), text(figures.consumed).encode()

    def nothing_consumed(self) -> Headers:
        """Write that nothing was taken, where no more is known."""
        return [(_name(self.prefix, "consumed"), b"0")]


def lowered(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Bring the names of an ASGI message's headers to lower case."""
    return [(name.lower(), value) for name, value in headers]


def rewritten(headers: Headers, length: int | None) -> Headers:
    """Make headers true of a body that was changed.

    Args:
        headers: from ``lowered``.
        length: of the new body, written where the app wrote a Content-Length; None takes that out, where the body
            is not seen (HEAD, 304).
    """
    kept = []
    for name, value in headers:
        if name == b"etag":
            kept.append((name, _weak(value)))
        elif name == b"content-length" and length is not None:
            kept.append((name, b"%d" % length))
        elif name not in _OF_OLD_BYTES:
            kept.append((name, value))
    return kept


@lru_cache(maxsize=32)
def _name(prefix: str, word: str) -> bytes:
    return (prefix + word).lower().encode()


@lru_cache(maxsize=32)
def _withdrawn(prefix: str, ours: tuple[bytes, ...]) -> frozenset[bytes]:
    """The names that are not an upstream's to write to a caller, and those that we write instead."""
    own = (_name(prefix, word) for word in ("consumed", "remaining", "reserved", "reset-at", "next"))
    return _FROM_UPSTREAM.union(own, ours, _FOR_SHARED_CACHES if ours else ())


def _stripped(headers: Headers, names: frozenset[bytes]) -> Headers:
    return [pair for pair in headers if pair[0] not in names and not pair[0].startswith(_IN_OUR_NAME)]


def _weak(etag: bytes) -> bytes:
    return etag if etag.startswith(b"W/") else b"W/" + etag


def _pair(figures: Figures, reset_at: int) -> Headers:
    """Write the two fields of draft-ietf-httpapi-ratelimit-headers: whole numbers, 0 <= r <= q."""
    quota = figures.granted // MICRO
    remaining = min(figures.remaining // MICRO, quota)
    return [
        (b"ratelimit-policy", b'"credits";q=%d;qu="credits"' % quota),
        (b"ratelimit", b'"credits";r=%d;t=%d' % (remaining, max(reset_at - figures.now, 0))),
    ]


def _kept_private(headers: Headers) -> Headers:
    said = [value for name, value in headers if name == b"cache-control"]
    if not said:
        return [*headers, (b"cache-control", b"private")]
    others = [pair for pair in headers if pair[0] != b"cache-control"]
    return [*others, (b"cache-control", _private(b", ".join(said)))]


@lru_cache(maxsize=256)
def _private(value: bytes) -> bytes:
    """Keep an answer out of shared caches, by the directives of RFC 9111, 5.2.2; what is stricter stays."""
    kept = [directive for directive in _directives(value) if _directive_name(directive) not in _SHARED]
    names = {directive.lower() for directive in kept}
    if b"private" in names or (b"no-store" in names and b"must-understand" not in names):
        return b", ".join(kept)
    return b", ".join([*(directive for directive in kept if _directive_name(directive) != b"private"), b"private"])


def _directives(value: bytes) -> list[bytes]:
    return [directive.strip() for directive in _DIRECTIVE.findall(value) if directive.strip()]


def _directive_name(directive: bytes) -> bytes:
    return directive.partition(b"=")[0].strip().lower()


def _exposed(headers: Headers, ours: tuple[bytes, ...]) -> Headers:
    """Let scripts of other origins read our headers, where the answer lets them read anything."""
    facts = dict(headers)
    if b"access-control-allow-origin" not in facts:
        return headers
    said = b", ".join(value for name, value in headers if name == b"access-control-expose-headers")
    credentials = facts.get(b"access-control-allow-credentials") == b"true"
    others = [pair for pair in headers if pair[0] != b"access-control-expose-headers"]
    return [*others, (b"access-control-expose-headers", _exposing(said, ours, credentials=credentials))]


@lru_cache(maxsize=256)
def _exposing(said: bytes, ours: tuple[bytes, ...], *, credentials: bool) -> bytes:
    """Add our names; ``*`` covers them already, but stands for nothing when credentials are allowed."""
    names = {name.strip().lower() for name in said.split(b",")}
    if b"*" in names and not credentials:
        return said
    missing = [name for name in ours if name not in names]
    return b", ".join([said, *missing] if said else missing)

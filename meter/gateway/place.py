"""Whether an answer's body can say what the call cost, and where in it.

This is the table of bodies of the wire's description; what has no row here tells in its headers alone.
"""

from functools import lru_cache

from meter.gateway.headers import Headers
from meter.gateway.splice import EXTENSIONS, META, ROOT, Path

_HEADERS_ALONE = frozenset({204, 205, 206, 304})
"""Without a body, or with a part of one."""
_FIRST_FINAL = 200
_DIGITS_MAX = 15
_FORBIDDING = frozenset({b"content-encoding", b"content-range", b"trailer"})
"""A header that says that the bytes are not the plain text of the whole."""

_PATHS: dict[bytes, Path] = {
    b"application/json": META,
    b"application/problem+json": ROOT,
    b"application/graphql-response+json": EXTENSIONS,
}


def path(status: int, headers: Headers, *, bytes_max: int) -> Path | None:
    """Find where the body of an answer tells of credits; None where the headers alone do.

    Args:
        status: of the answer.
        headers: from ``lowered``.
        bytes_max: a body that declares to be longer is left alone.
    """
    if status < _FIRST_FINAL or status in _HEADERS_ALONE:
        return None
    facts = dict(headers)
    if not _FORBIDDING.isdisjoint(facts) or not _fits(facts.get(b"content-length", b"0"), bytes_max):
        return None
    if b"cache-control" in facts and _no_transform(headers):
        return None
    return _path_of(facts.get(b"content-type", b""))


@lru_cache(maxsize=256)
def _path_of(content_type: bytes) -> Path | None:
    essence = content_type.partition(b";")[0].strip().lower()
    return _PATHS.get(essence, META if essence.endswith(b"+json") else None)


def _fits(length: bytes, bytes_max: int) -> bool:
    return length.isdigit() and len(length) <= _DIGITS_MAX and int(length) <= bytes_max


def _no_transform(headers: Headers) -> bool:
    return any(name == b"cache-control" and b"no-transform" in value.lower() for name, value in headers)

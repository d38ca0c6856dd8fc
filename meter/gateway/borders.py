"""Where the events of a stream end, for each format that has events.

What keeps the borders of one stream sees its pieces as they pass. Of the event that it is in, it keeps what is to be
read of it, and at most a line more; of what has passed before, nothing.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Protocol


class Format(StrEnum):
    """What a body is made of."""

    SSE = "sse"
    """Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    LINES = "lines"
    """A JSON text a line."""
    RECORDS = "records"
    """JSON texts, each after a record separator (RFC 7464)."""
    WHOLE = "whole"
    """No events."""


class Standing(StrEnum):
    """Where a stream is after what has passed of it."""

    BETWEEN = "between"
    """Between two events, at the beginning of a line."""
    WITHIN = "within"
    """In an event, at the beginning of a line."""
    IN_A_LINE = "in_a_line"
    """In an event, in the middle of a line."""
    IN_A_COMMENT = "in_a_comment"
    """Between two events, in the middle of a line that is in neither."""


class Borders(Protocol):
    """The events of one stream."""

    @property
    def standing(self) -> Standing:
        """Where the stream is."""
        ...

    @property
    def has_begun(self) -> bool:
        """Whether the next event has begun."""
        ...

    def ends(self, chunk: bytes) -> Iterator[tuple[int, bytes | None]]:
        """Read on, and give each place in the chunk where an event ends, with its data; None where it is too long."""
        ...

    def rest(self) -> tuple[bytes | None, ...]:
        """Give the data of the event that ends with the stream, if one does."""
        ...


_FORMATS: dict[str, Format] = {
    "text/event-stream": Format.SSE,
    "application/x-ndjson": Format.LINES,
    "application/ndjson": Format.LINES,
    "application/jsonl": Format.LINES,
    "application/x-jsonl": Format.LINES,
    "application/jsonlines": Format.LINES,
    "application/x-jsonlines": Format.LINES,
    "application/stream+json": Format.LINES,
    "application/json-seq": Format.RECORDS,
}


@lru_cache(maxsize=256)
def format_of(content_type: str) -> Format:
    """Find the format that a Content-Type names."""
    essence = content_type.partition(";")[0].strip().lower()
    return _FORMATS.get(essence, Format.RECORDS if essence.endswith("+json-seq") else Format.WHOLE)


class NoBorders:
    """A body that has no events."""

    __slots__ = ()

    standing = Standing.BETWEEN
    has_begun = False

    def ends(self, _: bytes) -> Iterator[tuple[int, bytes | None]]:
        """Give nothing."""
        return iter(())

    def rest(self) -> tuple[bytes | None, ...]:
        """Give nothing."""
        return ()


class Kept:
    """Bytes that come in pieces, kept up to a limit; beyond it, their beginning."""

    __slots__ = ("_beginning", "_bytes_max", "_length")

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._beginning = bytearray()
        self._length = 0

    def __bool__(self) -> bool:
        """Whether anything has come."""
        return self._length > 0

    def begins_with(self, piece: bytes) -> bool:
        """Whether what came begins so."""
        return self._beginning.startswith(piece)

    def add(self, piece: bytes) -> None:
        """Keep what there is room for."""
        room = self._bytes_max - len(self._beginning)
        self._beginning += piece if len(piece) <= room else piece[:room]
        self._length += len(piece)

    def take(self) -> bytes:
        """Give what was kept, and begin anew."""
        taken = bytes(self._beginning)
        self._beginning.clear()
        self._length = 0
        return taken

    def take_whole(self) -> bytes | None:
        """Give what came, and begin anew; None where it was more than is kept."""
        length = self._length
        taken = self.take()
        return taken if len(taken) == length else None

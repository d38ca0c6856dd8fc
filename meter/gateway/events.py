"""The events of a stream as they pass: where each ends, how many there were, and what their data says.

Server-sent events (the WHATWG's HTML standard, 9.2.6) and JSON lines. Nothing is held but the data of the event that is
passing, up to a limit.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from meter.gateway.json_pointer import PointerReader


class Format(StrEnum):
    """How a stream is divided."""

    SSE = "sse"
    LINES = "lines"
    OTHER = "other"


_FORMATS = {
    b"text/event-stream": Format.SSE,
    b"application/x-ndjson": Format.LINES,
    b"application/ndjson": Format.LINES,
    b"application/jsonl": Format.LINES,
    b"application/x-jsonlines": Format.LINES,
    b"application/json-seq": Format.LINES,
}

_LINE_ENDS = {
    Format.SSE: re.compile(rb"\r\n|\n|\r"),
    Format.LINES: re.compile(rb"\n"),
}
_BLANK = b" \t\r\n\x1e"


@lru_cache(maxsize=256)
def format_of(content_type: bytes) -> Format:
    """How an answer of this type is divided into events."""
    return _FORMATS.get(content_type.partition(b";")[0].strip().lower(), Format.OTHER)


class StreamReader:
    """Reads one answer's body as it passes: its events, and the numbers that pointers find in it."""

    __slots__ = (
        "_after_cr", "_data", "_event_bytes_max", "_format", "_has_data", "_line", "_long", "_plain", "_pointers",
        "count", "found",
    )  # fmt: skip

    def __init__(self, form: Format, pointers: tuple[str, ...], event_bytes_max: int) -> None:
        """Read a body.

        Args:
            form: how it is divided; one that is not is one JSON text.
            pointers: JSON pointers, looked for in the data of each event; the last one found counts.
            event_bytes_max: the data of a longer event is not read.
        """
        self._format = form
        self._pointers = pointers
        self._event_bytes_max = event_bytes_max
        self._plain = PointerReader(pointers) if form is Format.OTHER and pointers else None
        self._line = bytearray()
        self._data = bytearray()
        self._has_data = False
        self._long = False
        self._after_cr = False
        self.count = 0
        """The events that have ended."""
        self.found: dict[str, Fraction | None] = dict.fromkeys(pointers)

    def split(self, chunk: bytes) -> Iterator[bytes]:
        """Divide a piece of the body after each end of a line at which an event may end; nothing is read yet.

        What follows the last end is the last piece; there is always at least one.
        """
        ends = _LINE_ENDS.get(self._format)
        start = 0
        for end in ends.finditer(chunk) if ends else ():
            if end.end() < len(chunk) and self._may_end(chunk, start, end.start()):
                yield chunk[start : end.end()]
                start = end.end()
        yield chunk[start:]

    def feed(self, chunk: bytes) -> int:
        """Read a piece of the body; how many events have ended by now."""
        if self._format is Format.OTHER:
            self._feed_plain(chunk)
            return self.count
        if self._after_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
        self._after_cr = self._format is Format.SSE and chunk[-1:] == b"\r" if chunk else self._after_cr
        *lines, rest = _LINE_ENDS[self._format].split(chunk)
        for line in lines:
            self._keep(line)
            self._end_line()
        self._keep(rest)
        return self.count

    def _may_end(self, chunk: bytes, start: int, end: int) -> bool:
        """Whether an event can end with a line: a line of its own, or in SSE a blank one."""
        return self._format is Format.LINES or start == end or chunk[end - 1 : end] in (b"\n", b"\r")

    def _feed_plain(self, chunk: bytes) -> None:
        if self._plain is not None:
            self._plain.feed(chunk)
            self.found |= {pointer: units for pointer, units in self._plain.found.items() if units is not None}

    def _keep(self, piece: bytes) -> None:
        """Keep a piece of a line for as long as it may be read."""
        if len(self._line) + len(self._data) + len(piece) > self._event_bytes_max:
            self._long = True
            piece = piece[: max(0, 5 - len(self._line))]
        self._line += piece

    def _end_line(self) -> None:
        line = bytes(self._line)
        self._line.clear()
        if self._format is Format.LINES:
            if line.strip(_BLANK):
                self._end_event(line.strip(_BLANK))
            self._long = False
        elif line:
            self._take_field(line)
        elif self._has_data:
            self._end_event(bytes(self._data))
            self._data.clear()
            self._has_data = self._long = False

    def _take_field(self, line: bytes) -> None:
        """Take a line of an event: all that counts is its data."""
        name, _, value = line.partition(b":")
        if name == b"data":
            self._has_data = True
            if self._pointers and not self._long:
                self._data += value.removeprefix(b" ") + b"\n"

    def _end_event(self, data: bytes) -> None:
        self.count += 1
        if self._pointers and not self._long:
            reader = PointerReader(self._pointers)
            reader.feed(data)
            self.found |= {pointer: units for pointer, units in reader.found.items() if units is not None}

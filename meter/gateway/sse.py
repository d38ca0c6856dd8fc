"""Where the events of a text/event-stream end, as the HTML standard has it (9.2.6, "Interpreting an event stream").

An event is what a client is given: a block of lines with data in it, ended by a blank line. Comments and blocks
without data are no events, and a block that the stream's end cuts off is none.
"""

import re
from collections.abc import Iterator

from meter.gateway.borders import Kept, Standing

_END_OF_LINE = re.compile(rb"\r\n?|\n")
_BOM = b"\xef\xbb\xbf"
_DATA = b"data"
_FIELD_BYTES = len(_BOM + _DATA + b": ") + 1
"""What is kept of a line besides data; with it, a line that was cut has more data than can be kept."""


class SseBorders:
    """The events of one event stream."""

    __slots__ = ("_after_cr", "_data", "_has_data", "_has_field", "_is_first", "_line")

    def __init__(self, data_bytes_max: int) -> None:
        self._line = Kept(data_bytes_max + _FIELD_BYTES)
        self._data = Kept(data_bytes_max)
        self._has_field = False
        self._has_data = False
        self._is_first = True
        self._after_cr = False

    @property
    def standing(self) -> Standing:
        """Where the stream is; a comment between two events is in neither."""
        if self._line:
            return Standing.IN_A_LINE if self.has_begun else Standing.IN_A_COMMENT
        return Standing.WITHIN if self._has_field else Standing.BETWEEN

    @property
    def has_begun(self) -> bool:
        """Whether a line, or a part of one, has passed that the next event may have."""
        return self._has_field or (bool(self._line) and not self._line.begins_with(b":"))

    def ends(self, chunk: bytes) -> Iterator[tuple[int, bytes | None]]:
        """Read on, and give each place in the chunk where an event ends, with its data; None where it is too long."""
        if not chunk:
            return
        start = 1 if self._after_cr and chunk[:1] == b"\n" else 0
        self._after_cr = chunk[-1:] == b"\r"
        for end in _END_OF_LINE.finditer(chunk, start):
            line = self._whole(chunk[start : end.start()])
            start = end.end()
            if line:
                self._take(line)
            elif self._is_dispatched():
                yield start, self._data.take_whole()
        self._line.add(chunk[start:])

    def rest(self) -> tuple[bytes | None, ...]:
        """Give nothing: what no blank line ends is no event."""
        return ()

    def _whole(self, end: bytes) -> bytes:
        """Give the line that ends so."""
        if self._line:
            self._line.add(end)
            end = self._line.take()
        if self._is_first:
            self._is_first = False
            return end.removeprefix(_BOM)
        return end

    def _take(self, line: bytes) -> None:
        self._has_field = self._has_field or line[:1] != b":"
        if line[:4] != _DATA or line[4:5] not in (b"", b":"):
            return
        if self._has_data:
            self._data.add(b"\n")
        self._has_data = True
        self._data.add(line[6:] if line[5:6] == b" " else line[5:])

    def _is_dispatched(self) -> bool:
        """Begin the next block, and say whether the last was an event."""
        is_event = self._has_data
        self._has_field = self._has_data = False
        return is_event

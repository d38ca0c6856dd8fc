"""What a body of events tells as it passes: how many there are, where each ends, and the numbers in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from meter.gateway.borders import Borders, Format, NoBorders, Standing, format_of
from meter.gateway.json_pointer import PointerReader
from meter.gateway.lines import LineBorders
from meter.gateway.pointers import signs
from meter.gateway.sse import SseBorders

EVENT_BYTES_MAX = 256 * 1024
"""Of an event whose data is read: as much as is held of a body that gets members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a chunk that is let through as a whole, or not at all."""

    data: bytes
    events: int
    """How many events the caller has got, or begun to get, when it has got this."""


class StreamReader:
    """One body, as it passes."""

    __slots__ = ("_borders", "_pointers", "_text", "events", "format", "found")

    def __init__(self, format_: Format, pointers: tuple[str, ...], *, event_bytes_max: int = EVENT_BYTES_MAX) -> None:
        """Begin before a body's first byte.

        Args:
            format_: of the body as it passes: of one with a content coding, nothing can be read.
            pointers: to numbers in the data of each event; in the body itself, where it has no events.
            event_bytes_max: of an event's data; a longer one is counted, and not read.

        Raises:
            ValueError: a pointer is none.
        """
        self.format = format_
        self.events = 0
        """How many have ended."""
        self._pointers = pointers
        self._borders = _borders(format_, event_bytes_max if pointers else 0)
        self._text = PointerReader(pointers)
        self.found: dict[str, Fraction | None] = self._text.found
        """The last number at each pointer; None where there was none."""

    @classmethod
    def of(
        cls, content_type: str, pointers: tuple[str, ...], *, event_bytes_max: int = EVENT_BYTES_MAX
    ) -> "StreamReader":
        """Begin before the first byte of a body of a media type."""
        return cls(format_of(content_type), pointers, event_bytes_max=event_bytes_max)

    @property
    def standing(self) -> Standing:
        """Where the body is, for those who want to end it."""
        return self._borders.standing

    def feed(self, chunk: bytes) -> int:
        """Read on; how many events have ended by then."""
        for _ in self._ends(chunk):
            pass
        return self.events

    def split(self, chunk: bytes) -> Iterator[Piece]:
        """Read on piece by piece, each when it is asked for; all but the last end where an event ends."""
        start = 0
        for end in self._ends(chunk):
            if end > start:
                yield Piece(data=chunk[start:end], events=self.events)
            start = end
        if start < len(chunk):
            yield Piece(data=chunk[start:], events=self.events + self._borders.has_begun)

    def finish(self) -> int:
        """Say that the body is whole; how many events it had."""
        for data in self._borders.rest():
            self._count(data)
        return self.events

    def _ends(self, chunk: bytes) -> Iterator[int]:
        if self.format is Format.WHOLE and self._pointers:
            self._text.feed(chunk)
        for end, data in self._borders.ends(chunk):
            self._count(data)
            yield end

    def _count(self, data: bytes | None) -> None:
        self.events += 1
        if data is None or not (b"\\u" in data or any(sign in data for sign in signs(self._pointers))):
            return
        reader = PointerReader(self._pointers)
        reader.feed(data)
        self.found.update((pointer, units) for pointer, units in reader.found.items() if units is not None)


def _borders(format_: Format, data_bytes_max: int) -> Borders:
    match format_:
        case Format.SSE:
            return SseBorders(data_bytes_max)
        case Format.LINES:
            return LineBorders(data_bytes_max, b"\n", ends_a_text=True)
        case Format.RECORDS:
            return LineBorders(data_bytes_max, b"\x1e", ends_a_text=False)
        case Format.WHOLE:
            return NoBorders()

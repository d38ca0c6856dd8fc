"""Where the events of a stream of JSON texts end: each is a line that is not blank, or a record (RFC 7464)."""

from collections.abc import Iterator

from meter.gateway.borders import Kept, Standing

_BLANK = b" \t\r\n"


class LineBorders:
    """The events of one stream whose texts have a byte between them that none of them has in it."""

    __slots__ = ("_ends_a_text", "_has_begun", "_kept", "_separator")

    def __init__(self, data_bytes_max: int, separator: bytes, *, ends_a_text: bool) -> None:
        """Begin before a stream's first byte.

        Args:
            data_bytes_max: of a text, beyond which it is not kept.
            separator: the byte.
            ends_a_text: whether it belongs to the text before it; else it begins the next.
        """
        self._kept = Kept(data_bytes_max)
        self._separator = separator
        self._ends_a_text = ends_a_text
        self._has_begun = False

    @property
    def standing(self) -> Standing:
        """Where the stream is."""
        return Standing.IN_A_LINE if self._kept else Standing.BETWEEN

    @property
    def has_begun(self) -> bool:
        """Whether something of the next text has passed."""
        return self._has_begun

    def ends(self, chunk: bytes) -> Iterator[tuple[int, bytes | None]]:
        """Read on, and give each place in the chunk where an event ends, with its data; None where it is too long."""
        start = 0
        while (end := chunk.find(self._separator, start)) >= 0:
            self._add(chunk[start:end])
            start = end + 1
            if self._has_begun:
                self._has_begun = False
                yield start if self._ends_a_text else end, self._kept.take_whole()
            else:
                self._kept.take()
        self._add(chunk[start:])

    def rest(self) -> tuple[bytes | None, ...]:
        """Give the text that ends with the stream: the separator after the last may be missing."""
        if not self._has_begun:
            return ()
        self._has_begun = False
        return (self._kept.take_whole(),)

    def _add(self, piece: bytes) -> None:
        self._kept.add(piece)
        self._has_begun = self._has_begun or bool(piece.strip(_BLANK))

"""What one metered call uses, measured as it passes: bytes and events each way, time, and what its answer says.

Nothing is held here. Whoever adds a kind of meter to the policy reads it here.
"""

import logging
import time
from collections.abc import Iterator
from fractions import Fraction

from meter.credits import MICRO
from meter.gateway import usage_header
from meter.gateway.events import Piece, StreamReader
from meter.gateway.headers import Headers
from meter.policy.model import MeterKind
from meter.till import Charge

log = logging.getLogger("meter")


class Measure:
    """The measuring of one call: each reading goes to its charge at once."""

    __slots__ = ("_began_ns", "_charge", "_reader", "_request_bytes", "_response_bytes")

    def __init__(self, charge: Charge) -> None:
        self._charge = charge
        self._began_ns = time.monotonic_ns()
        self._request_bytes = 0
        self._response_bytes = 0
        self._reader: StreamReader | None = None

    def request(self, piece: bytes) -> None:
        """Count a piece of the request's body."""
        self._request_bytes += len(piece)
        self._charge.usage.read(MeterKind.REQUEST_BYTES, self._request_bytes)

    def begin(self, headers: Headers) -> None:
        """Take what the answer's head says: how its body is to be read, and what the upstream reports."""
        usage, facts = self._charge.usage, dict(headers)
        if usage.pointers or usage.wants(MeterKind.RESPONSE_EVENTS):
            encoded = b"content-encoding" in facts
            content_type = b"" if encoded else facts.get(b"content-type", b"")
            self._reader = StreamReader.of(content_type.decode("latin-1"), () if encoded else usage.pointers)
        report(self._charge, headers)

    def pieces(self, body: bytes) -> Iterator[Piece]:
        """Divide a piece of the answer into what can be let through or not, at the ends of its events."""
        if self._reader is None:
            yield Piece(data=body, events=0)
        else:
            yield from self._reader.split(body)

    def response(self, piece: Piece) -> None:
        """Count a piece of the answer's body, and what it says."""
        usage = self._charge.usage
        self._response_bytes += len(piece.data)
        usage.read(MeterKind.RESPONSE_BYTES, self._response_bytes)
        if self._reader is not None:
            self._read(self._reader, piece.events)
        self._time()

    def complete(self) -> None:
        """Read what is known at the end of a whole answer alone: whether what it began last is an event, and says."""
        if self._reader is not None:
            self._read(self._reader, self._reader.finish())

    def end(self) -> None:
        """Read the clock for the last time."""
        self._time()

    def _read(self, reader: StreamReader, events: int) -> None:
        self._charge.usage.read(MeterKind.RESPONSE_EVENTS, events)
        for pointer, units in reader.found.items():
            if units is not None:
                self._charge.usage.read(MeterKind.JSON, units, pointer)

    def _time(self) -> None:
        milliseconds = (time.monotonic_ns() - self._began_ns) // 1_000_000
        self._charge.usage.read(MeterKind.DURATION, Fraction(milliseconds, 1000))


def report(charge: Charge, headers: Headers) -> None:
    """Believe what the upstream reports of a call in its answer's headers."""
    said = usage_header.said(headers)
    for name, units in said.usage.items():
        charge.usage.add(name, units)
    if said.price is not None:
        charge.set(Fraction(said.price, MICRO))
    for fault in said.faults:
        log.warning("A report of the upstream on %s was not understood: %s", charge.operation.name, fault)

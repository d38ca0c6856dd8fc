"""What one metered WebSocket uses, measured as it passes: messages and bytes each way, and time."""

import time
from fractions import Fraction

from meter.gateway.asgi import Message
from meter.policy.model import MeterKind
from meter.till import Charge


class Direction:
    """The messages that pass one way: each reading goes to the charge at once."""

    __slots__ = ("_bytes", "_bytes_kind", "_charge", "_messages", "_messages_kind")

    def __init__(self, charge: Charge, messages_kind: MeterKind, bytes_kind: MeterKind) -> None:
        self._charge = charge
        self._messages_kind = messages_kind
        self._bytes_kind = bytes_kind
        self._messages = 0
        self._bytes = 0

    def count(self, message: Message) -> None:
        """Count a message, which is about to pass."""
        self._read(1, _size(message))

    def uncount(self, message: Message) -> None:
        """Take a message back that did not pass."""
        self._read(-1, -_size(message))

    def _read(self, messages: int, size: int) -> None:
        self._messages += messages
        self._bytes += size
        self._charge.usage.read(self._messages_kind, self._messages)
        self._charge.usage.read(self._bytes_kind, self._bytes)


class Stopwatch:
    """How long a socket lasts: from when it was asked for until ``stop``."""

    __slots__ = ("_began_ns", "_charge", "_is_running")

    def __init__(self, charge: Charge) -> None:
        self._charge = charge
        self._began_ns = time.monotonic_ns()
        self._is_running = True

    def read(self) -> None:
        """Read the clock, unless it was stopped."""
        if self._is_running:
            milliseconds = (time.monotonic_ns() - self._began_ns) // 1_000_000
            self._charge.usage.read(MeterKind.DURATION, Fraction(milliseconds, 1000))

    def stop(self) -> None:
        """Read the clock for the last time."""
        self.read()
        self._is_running = False


def _size(message: Message) -> int:
    """A message's bytes on the wire, but for its frames."""
    text: str | None = message.get("text")
    return len(message["bytes"]) if text is None else len(text.encode())

"""Ctrl-C and SIGTERM, noticed only where stopping is safe: between starting a process and holding it, it is not."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """The wish to stop; for the main thread alone."""

    def __init__(self) -> None:
        self._wished = False
        self._tell: Callable[[], object] | None = None

    def listen(self) -> None:
        """Take the signals over, for the rest of the process's life."""
        for number in SIGNALS:
            signal.signal(number, self._heard)

    def check(self) -> None:
        """Stop here, if that is wished.

        Raises:
            KeyboardInterrupt: it is.
        """
        if self._wished:
            raise KeyboardInterrupt

    def event(self) -> asyncio.Event:
        """Give the running loop an event that is set once stopping is wished."""
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        self._tell = lambda: loop.is_closed() or loop.call_soon_threadsafe(stopping.set)
        if self._wished:
            stopping.set()
        return stopping

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self._wished = True
        if self._tell is not None:
            self._tell()

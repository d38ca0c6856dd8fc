"""Where logs go: sentences to standard error, one JSON line a request to standard output.

No reader of a log can stop the service: lines wait in a bounded queue for a thread that writes them, and what the queue
cannot hold is dropped, counted and said.
"""

import logging
import queue
import sys
import threading
from typing import Any, Literal

LINES_MAX = 10_000
FLUSH_SECONDS_MAX = 1.0


class PatientHandler(logging.Handler):
    """Write to a standard stream from a thread of its own."""

    def __init__(self, stream: Literal["stdout", "stderr"]) -> None:
        super().__init__()
        self._stream = stream
        self._lines: queue.Queue[str | threading.Event] = queue.Queue(LINES_MAX)
        self._dropped = 0
        self._told = 0
        threading.Thread(target=self._write, name=f"meter {stream}", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line, or count it as dropped."""
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._dropped += 1
        except Exception:  # noqa: BLE001 - whoever logs is never told that it could not be written
            self.handleError(record)

    def flush(self) -> None:
        """Wait until what is queued by now is written; a second for room in the queue, and another to write it."""
        written = threading.Event()
        try:
            self._lines.put(written, timeout=FLUSH_SECONDS_MAX)
        except queue.Full:
            return
        written.wait(FLUSH_SECONDS_MAX)

    def _write(self) -> None:
        stream = getattr(sys, self._stream)
        while True:
            line = self._lines.get()
            if isinstance(line, threading.Event):
                line.set()
                continue
            try:
                stream.write(f"{line}{self._drops()}\n")
                if self._lines.empty():
                    stream.flush()
            except (OSError, ValueError):
                continue  # nobody reads this stream any more; the next line tries again

    def _drops(self) -> str:
        """Say how many lines were dropped since it was last said; only ``emit`` counts, only this thread says."""
        dropped, self._told = self._dropped - self._told, self._dropped
        return f"\nmeter: {dropped} lines of this log were dropped, because nobody read it." if dropped else ""


def config() -> dict[str, Any]:
    """Describe the logging of one process, for ``logging.config.dictConfig``."""
    patient = "meter.logs.PatientHandler"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"sentence": {"format": "%(name)s: %(message)s"}, "line": {"format": "%(message)s"}},
        "handlers": {
            "talk": {"class": patient, "stream": "stderr", "formatter": "sentence"},
            "data": {"class": patient, "stream": "stdout", "formatter": "line"},
        },
        "root": {"handlers": ["talk"], "level": "WARNING"},
        "loggers": {
            "meter": {"level": "INFO"},
            "meter.access": {"handlers": ["data"], "level": "INFO", "propagate": False},
            "uvicorn": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
        },
    }

"""How long a step may take, from its first write to its reply, however often it is written; and whether one is missing.

What is known of a step's fate hangs on that: it is in doubt for as long as something was written and not answered.
"""

import asyncio
import time
from types import TracebackType

STEP_SECONDS = 0.25
"""From write to reply."""

QUEUE_SECONDS = 1.0
"""From asking to write."""

LATE_SECONDS_MAX = STEP_SECONDS
"""The longest that a process which was held up itself goes on looking for a reply."""


class Deadline:
    """One step's time: the clock starts with its first write."""

    __slots__ = ("_ends", "_unanswered", "asked_at", "seconds")

    def __init__(self, seconds: float = STEP_SECONDS) -> None:
        self.seconds = seconds
        """How long a reply may take, and a connection that is made for the step."""
        self.asked_at = time.monotonic()
        self._ends: float | None = None
        self._unanswered = 0

    @property
    def started(self) -> bool:
        """Whether the step was ever written."""
        return self._ends is not None

    @property
    def in_doubt(self) -> bool:
        """Whether the step was written and may have been done: a reply is missing."""
        return self._unanswered > 0

    @property
    def seconds_left(self) -> float:
        """What is left of the time for the reply, or, before the first write, of the time to queue."""
        ends = self.asked_at + QUEUE_SECONDS if self._ends is None else self._ends
        return ends - time.monotonic()

    def start(self) -> None:
        """Say that the step is being written."""
        self._unanswered += 1
        if self._ends is None:
            self._ends = time.monotonic() + self.seconds

    def refused(self) -> None:
        """Say that one write of the step was answered by an error."""
        self._unanswered -= 1


class Limit:
    """The end of a wait for the store: as ``asyncio.timeout``, but not for what this process is to blame for.

    Where the loop was held up, the reply may lie in its socket, or the question may not have left. So once, whatever
    the loop came late by is waited for again.
    """

    __slots__ = ("_due", "_seconds", "_timeout")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        due = time.monotonic() + self._seconds
        self._due = asyncio.get_running_loop().call_later(self._seconds, self._look_again, due)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._due.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _look_again(self, due: float) -> None:
        late = min(time.monotonic() - due, LATE_SECONDS_MAX)
        self._timeout.reschedule(asyncio.get_running_loop().time() + late)

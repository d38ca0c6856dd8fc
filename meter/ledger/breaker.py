"""Whether the store is worth asking: after failures in a row nobody waits for it, but for one probe a second.

Pure: old state in, new state out, and the time is an argument. What counts as a failure is said where the store is
asked.
"""

from dataclasses import dataclass, replace
from typing import Self

OPENS_AFTER = 5
"""So many failures in a row open it. In a row means one after another: of all steps that wait in a single stall one
counts, for they say no more than that."""
PROBE_SECONDS = 1.0
"""While it is open, one step is let through so often; the first at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """How the last steps went, as far as that decides about the next one; times are of a monotonic clock."""

    failures: int = 0
    """In a row, until now."""
    failed_at: float = float("-inf")
    """When the last of them was."""
    opened_at: float | None = None
    """Since when it is open; None while it is closed."""
    probe_from: float = 0.0
    """While it is open: from when on the next step is let through."""

    @property
    def is_open(self) -> bool:
        """Whether steps are refused without asking."""
        return self.opened_at is not None

    def admitted(self, now: float) -> Self | None:
        """The breaker once a step was let through; None where it is refused."""
        if self.opened_at is None:
            return self
        return None if now < self.probe_from else replace(self, probe_from=now + PROBE_SECONDS)

    def failed(self, asked_at: float, now: float) -> Self:
        """The breaker after a step has failed that was asked at some time."""
        if asked_at < self.failed_at:
            return self
        failed = replace(self, failures=self.failures + 1, failed_at=now)
        if failed.is_open or failed.failures < OPENS_AFTER:
            return failed
        return replace(failed, opened_at=now, probe_from=now)

    def succeeded(self) -> Self:
        """The breaker after a success: closed, whatever was before."""
        return self if self.failures == 0 else type(self)()

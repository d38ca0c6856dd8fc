"""When a webhook that failed is tried again, and when it is given up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Waits that double, each shortened by chance so that many don't come at once."""

    first_seconds: int = 5
    most_seconds: int = 3600
    attempts: int = 16
    """Then it is a dead letter: some six hours after the first one."""

    def seconds(self, attempts: int, chance: float) -> int | None:
        """How long to wait after so many failed attempts; None where it is to be given up.

        Args:
            attempts: that failed, at least one.
            chance: from 0 to 1; how much of the second half of the wait is waited.
        """
        if attempts >= self.attempts:
            return None
        most = min(self.first_seconds << (attempts - 1), self.most_seconds)
        return most - int(most * (1 - chance)) // 2

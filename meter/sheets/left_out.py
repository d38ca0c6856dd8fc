"""Lines that were left out: counted, and the first of them kept word for word."""

from dataclasses import dataclass, field

SHOWN_MAX = 5
"""So many are named."""


@dataclass(slots=True)
class LeftOut:
    """What of a file is not among its calls."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    """The first sentences, each with file, line, value and fix."""

    def add(self, sentence: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.first) < SHOWN_MAX:
            self.first.append(sentence)

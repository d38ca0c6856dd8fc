"""Limits: what may be drawn at a level, an account or an API key, in each period, minute and day.

A budget binds what is paid at its level or above, for the period of whoever pays. Minutes and days are those of UTC.
"""

from dataclasses import dataclass
from enum import StrEnum

from meter.credits import ZERO, Credits

KEY_LEVEL = "key"
"""What the level of an API key is called where its hash is not to be told."""


class LimitKind(StrEnum):
    """What a limit is for."""

    BUDGET = "budget"
    """A period of whoever pays."""
    MINUTE = "minute"
    DAY = "day"
    CONCURRENT = "concurrent"
    """Calls at once; what is counted is calls, and not credits."""


WINDOWS = (LimitKind.BUDGET, LimitKind.MINUTE, LimitKind.DAY)
"""What is counted in windows, in the order of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one level; None for no limit."""

    budget: Credits | None = None
    minute: Credits | None = None
    day: Credits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was spent since a window began."""

    start: int = 0
    """Its first Unix second."""
    spent: Credits = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A level that has limits, and what was spent there in the windows that ran when something was last."""

    name: str
    """An account id, or ``key:<sha256>``."""
    limits: Limits
    budget: Window = Window()
    minute: Window = Window()
    day: Window = Window()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Which limit a call would have passed."""

    level: str
    """An account id, or ``key``."""
    kind: LimitKind
    limit: int
    """Micro-credits; or calls."""
    spent: int
    until: int | None
    """The Unix second from which on the call may be made; None where no waiting helps."""

"""What a plan says besides its credits: how its periods run, its trial, what of it rolls over."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from meter.credits import Credits


class Anchor(StrEnum):
    """What the periods of an account are counted from."""

    CALENDAR = "calendar"
    """Its own zone's days, Mondays, first days of a month, first days of a year."""
    SIGNUP = "signup"
    """The day on which it was opened."""


class BurnBy(StrEnum):
    """A fact of grants by which they are burnt; the order is the one that holds where no other is declared."""

    SCOPE = "scope"
    """Those that pay for some operations alone before those that pay for all."""
    PRIORITY = "priority"
    """The lowest number first."""
    EXPIRY = "expiry"
    """The earliest first, those without an end last."""
    COST = "cost"
    """The cheapest first."""
    CREATED = "created"
    """The oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A length by the calendar: first its months, then its days."""

    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Credits that an account gets when it is opened, once."""

    credits: Credits
    days: int
    """How long they live, by the account's own clocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollover:
    """What becomes of included credits that are left when their period ends."""

    millionths: int
    """Of each credit that is left, so much lives on."""
    cap: Credits | None = None
    """At most so much from one period."""
    periods: int = 1
    """So many periods it lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Velocity:
    """What an account may spend, and all for whom it pays, in a minute and in a day (UTC)."""

    minute: Credits | None = None
    day: Credits | None = None


def allows(operations: tuple[str, ...] | None, operation: str) -> bool:
    """Whether a plan's operations, of which ``image.*`` are all that begin with ``image.``, hold this one."""
    return operations is None or any(
        operation == allowed or (allowed.endswith("*") and operation.startswith(allowed[:-1])) for allowed in operations
    )


def millionths(share: Fraction) -> int:
    """A share in millionths, rounded down."""
    return int(share * 1_000_000)

"""What a price depends on besides the policy and the request: the moment, the load, the commitment."""

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from meter.credits import ZERO, Credits
from meter.policy.versions import Pin


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReading:
    """What the elected sampler last published; equal for all workers."""

    on: frozenset[str] = frozenset()
    """The names of the load adjustments in force."""
    sample: Fraction = Fraction(0)
    since: int = 0
    """Unix second at which the present state began."""
    drill: bool = False
    """The load was fixed by hand."""


CALM = LoadReading()
"""No load adjustment in force: also what a reading older than five seconds means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """All that a price depends on besides the policy and the request."""

    moment: datetime
    """When the request arrived: aware; its minute decides."""
    load: LoadReading = CALM
    commitment: Credits = ZERO
    drill: bool = False
    """The clock was fixed by hand."""
    pin: Pin | None = None
    """The version of the prices by which the account goes on paying, or did."""
    discount: Fraction = Fraction(1)
    """Of the account's plan; multiplied after all adjustments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One adjustment that applied."""

    name: str
    multiply: Fraction
    reason: str
    """A sentence for people: ``02:00 to 07:00 UTC``."""


def minute(moment: datetime) -> datetime:
    """The minute that contains an aware moment, in UTC."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)

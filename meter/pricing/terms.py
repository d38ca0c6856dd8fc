"""What pricing must know of an account, and how the ledger keeps it.

The ledger stores terms as one JSON text and never looks inside; only the revision is its business.
"""

from dataclasses import dataclass, replace

from meter.credits import ZERO, Credits
from meter.policy.model import PeriodUnit
from meter.policy.versions import Pin


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """An account's plan facts as they were copied from its plan, and its commitment."""

    plan: str
    included: Credits
    """Given anew in each period."""
    period: PeriodUnit
    anchor_day: int = 1
    """The day of the month on which a month begins; the last day of shorter months."""
    zone: str = "UTC"
    commitment: Credits = ZERO
    overage_limit: Credits = ZERO
    """What may be drawn beyond the grants in one period."""
    pin: Pin | None = None
    """The version of the prices by which it goes on paying."""
    payer: str | None = None
    """The account above that pays for its calls; None where it has a purse of its own."""


def with_pin_of(before: Terms, terms: Terms) -> Terms:
    """New terms for an account, which goes on paying by the version that it was pinned to, if it was to any."""
    return terms if before.pin is None else replace(terms, pin=before.pin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """An account's billing period: [start, end) in Unix seconds. ``end`` None where nothing resets."""

    start: int
    end: int | None

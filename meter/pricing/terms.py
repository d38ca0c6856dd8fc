"""What pricing must know of an account, and how the ledger keeps it.

The ledger stores terms as one JSON text and looks for nothing inside but ``burn``; only the revision is its business.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from meter.credits import ZERO, Credits
from meter.policy.model import PeriodUnit
from meter.policy.plans import Anchor, Duration, Rollover, Trial
from meter.policy.versions import Pin
from meter.pricing.conditions import CALM, Conditions, LoadReading


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """An account's plan facts as they were copied from its plan, and what is its own."""

    plan: str
    included: Credits
    """Given anew in each period; where a year drips, of the whole year."""
    period: PeriodUnit
    every: Duration | None = None
    """How long a custom period is."""
    drip: bool = False
    """The credits of a year are given month by month."""
    anchor: Anchor = Anchor.CALENDAR
    signed_up: date | None = None
    """The day on which the account was opened, in its own zone."""
    zone: str = "UTC"
    commitment: Credits = ZERO
    committed: bool = False
    """Whether the commitment is the account's own, and not its plan's."""
    overage_limit: Credits = ZERO
    """What may be drawn beyond the grants in one period."""
    pin: Pin | None = None
    """The version of the prices by which it goes on paying."""
    payer: str | None = None
    """The account above that pays for its calls; None where it has a purse of its own."""
    trial: Trial | None = None
    """Given when the account is opened, once."""
    rollover: Rollover | None = None
    discount: Decimal | None = None
    """Prices are multiplied with it, after all adjustments."""
    operations: tuple[str, ...] | None = None
    """What it may call; everything where it does not say."""
    minute_limit: Credits | None = None
    """What may be spent in a minute, by it and by those for whom it pays."""
    day_limit: Credits | None = None
    concurrent: int | None = None
    """So many calls at once, each held for until it ends."""
    burn: str | None = None
    """By which facts grants are burnt: names of ``BurnBy`` with spaces between; None for the order that they have."""
    following: "Terms | None" = None
    """The terms from the next renewal on, where they are to be others."""


def with_pin_of(before: Terms, terms: Terms) -> Terms:
    """New terms for an account, which goes on paying by the version that it was pinned to, if it was to any.

    So does the day stay on which it signed up.
    """
    return replace(terms, pin=before.pin or terms.pin, signed_up=before.signed_up or terms.signed_up)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """An account's billing period: [start, end) in Unix seconds. ``end`` None where nothing resets."""

    start: int
    end: int | None


def conditions_of(terms: Terms, *, moment: datetime, load: LoadReading = CALM, drill: bool = False) -> Conditions:
    """What the prices of an account on these terms depend on."""
    return Conditions(
        moment=moment,
        load=load,
        commitment=terms.commitment,
        drill=drill,
        pin=terms.pin,
        discount=Fraction(1) if terms.discount is None else Fraction(terms.discount),
    )

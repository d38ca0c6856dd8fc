"""What was used so far against a limit, and where that leads if every day is like the average one. All exact."""

from dataclasses import dataclass
from fractions import Fraction

from meter.economics.exact import EconomicsError

Number = int | Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """How much of a limit is used."""

    pct: Fraction
    """Of a hundred; above it where the limit is passed."""
    remaining: Fraction
    """Below zero where the limit is passed."""


def runrate(used: Number, day: Number, days: Number) -> Fraction:
    """What is used at the end of so many days, if each of them is like the average of those until ``day``.

    Args:
        used: until the end of ``day``.
        day: how many days are over; a fraction where one is not over yet.
        days: how many the period has.

    Raises:
        EconomicsError: no day is over, more are over than there are, or less than nothing was used.
    """
    if used < 0:
        raise EconomicsError(f"{used} can't have been used; what was given back is taken off the day of its call.")
    if day <= 0:
        raise EconomicsError(f"After {day} days there is no run rate; wait until the first one is over.")
    if day > days:
        raise EconomicsError(f"Day {day} is not in a period of {days} days; name a day of the period.")
    return Fraction(used) * Fraction(days) / Fraction(day)


def used(used: Number, limit: Number) -> Used:
    """How much of a limit is used.

    Raises:
        EconomicsError: the limit is nothing, or less; or less than nothing was used.
    """
    if limit <= 0:
        raise EconomicsError(f"Nothing is a share of a limit of {limit}; name a limit above 0, or none.")
    if used < 0:
        raise EconomicsError(f"{used} can't have been used; what was given back is taken off the day of its call.")
    return Used(pct=Fraction(used) * 100 / Fraction(limit), remaining=Fraction(limit) - used)

"""What was consumed, by day and operation, and the use of a period that it makes. All exact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from meter.economics.exact import EconomicsError

A_DAY = timedelta(days=1)
NOTHING = Fraction(0)

Consumed = Mapping[tuple[date, str], Fraction]
"""Credits by day and operation; the operation is empty where nobody says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What is known of a period."""

    start: date
    end: date
    """The day after its last one."""
    today: date
    """The first day that is not over; ``end`` where all are."""
    days: Mapping[date, Fraction]
    """Credits of every day that was used, the days before the period too, as far as they are known."""
    since: date
    """The first day that is known; a day after it that is not in ``days`` was not used."""
    used: Fraction
    """Credits of the period so far."""
    operations: Mapping[str, Fraction]
    """The same by operation; empty where it is not known."""
    elapsed: Fraction
    """Days of the period that are over, today's hours as a part of one."""
    length: Fraction
    """Days of the period."""
    shares: tuple[float, ...]
    """How much of each day from today on is ahead."""
    limit: Fraction | None = None
    """Credits that there are for the period; None where nothing ends."""


def use_of(consumed: Consumed, *, start: date, end: date, elapsed: int, limit: Fraction | None = None) -> Use:
    """The use of a period after so many of its days; what is known of later days is not looked at.

    Raises:
        EconomicsError: the period has no day, or not so many.
    """
    length = (end - start).days
    if length <= 0:
        raise EconomicsError(f"From {start} to {end} there is no day; name the day after the last one as the end.")
    if not 0 <= elapsed <= length:
        raise EconomicsError(f"Day {elapsed} is not in the {length} days from {start} to {end}; name a day of them.")
    today = start + elapsed * A_DAY
    past = {key: amount for key, amount in consumed.items() if key[0] < today}
    inside = {key: amount for key, amount in past.items() if key[0] >= start}
    return Use(
        start=start,
        end=end,
        today=today,
        days=_by_day(past),
        since=min([start, *(day for day, _ in past)]),
        used=sum(inside.values(), NOTHING),
        operations=_by_operation(inside),
        elapsed=Fraction(elapsed),
        length=Fraction(length),
        shares=(1.0,) * (length - elapsed),
        limit=limit,
    )


def _by_day(consumed: Consumed) -> dict[date, Fraction]:
    days: dict[date, Fraction] = {}
    for (day, _), amount in consumed.items():
        days[day] = days.get(day, NOTHING) + amount
    return days


def _by_operation(consumed: Consumed) -> dict[str, Fraction]:
    """Nothing where a part of it has no name."""
    operations: dict[str, Fraction] = {}
    for (_, operation), amount in consumed.items():
        operations[operation] = operations.get(operation, NOTHING) + amount
    return {} if "" in operations else operations

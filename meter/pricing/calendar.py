"""Periods and time windows, in an account's or a rule's own zone.

Everything is decided by wall clocks: a day begins at the first instant that its date is shown, also where clocks change
at midnight.
"""

from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from meter.policy.model import PeriodUnit, TimeAdjustment
from meter.pricing.terms import Period, Terms

Boundary = Callable[[int], date]
"""The first day of the period with a number; numbers count on for ever."""


def period_containing(terms: Terms, now: int) -> Period:
    """The period that contains the Unix second ``now``; where nothing resets, the one from 0 on."""
    if terms.period is PeriodUnit.NONE:
        return Period(start=0, end=None)
    zone = ZoneInfo(terms.zone)
    number, first_day = _numbered(terms, datetime.fromtimestamp(now, zone).date())
    # Clocks that are set back over midnight show a date again after its period was over.
    while _begins(first_day(number + 1), zone) <= now:
        number += 1
    while _begins(first_day(number), zone) > now:
        number -= 1
    return Period(start=_begins(first_day(number), zone), end=_begins(first_day(number + 1), zone))


def within(window: TimeAdjustment, moment: datetime) -> bool:
    """Whether an aware moment lies in the window; weekdays and dates are those of the day on which it began."""
    began = _began(window, moment)
    if began is None or began.weekday() not in window.weekdays:
        return False
    return (window.first or date.min) <= began <= (window.last or date.max)


def months_begun(since: datetime, moment: datetime) -> int:
    """How many months have begun from ``since`` to a later ``moment``, the first at once.

    Each begins on the day and at the time of ``since`` in UTC, on the last day of shorter months.
    """
    since, moment = since.astimezone(UTC), moment.astimezone(UTC)
    months = (moment.year - since.year) * 12 + moment.month - since.month
    return months + (month_after(since, months) <= moment)


def month_after(since: datetime, months: int) -> datetime:
    """The moment so many months after another one, in UTC; the last day of shorter months."""
    since = since.astimezone(UTC)
    year, index = divmod(since.year * 12 + since.month - 1 + months, 12)
    return since.replace(year=year, month=index + 1, day=min(since.day, monthrange(year, index + 1)[1]))


def _began(window: TimeAdjustment, moment: datetime) -> date | None:
    """The local day on which the window around ``moment`` began; None outside of it."""
    local = moment.astimezone(window.zone)
    day, clock = local.date(), local.time()
    if window.start < window.end:
        return day if window.start <= clock < window.end else None
    if clock >= window.start:
        return day
    return day - timedelta(days=1) if clock < window.end else None


def _numbered(terms: Terms, day: date) -> tuple[int, Boundary]:
    """The number of the period around ``day``, give or take one, and where each number begins."""
    match terms.period:
        case PeriodUnit.DAY:
            return day.toordinal(), date.fromordinal
        case PeriodUnit.WEEK:
            return (day.toordinal() - 1) // 7, lambda week: date.fromordinal(week * 7 + 1)
        case PeriodUnit.YEAR:
            return day.year, lambda year: date(year, 1, 1)
        case _:
            return day.year * 12 + day.month - 1, lambda month: _month_begins(month, terms.anchor_day)


def _month_begins(month: int, anchor_day: int) -> date:
    year, index = divmod(month, 12)
    return date(year, index + 1, min(anchor_day, monthrange(year, index + 1)[1]))


def _begins(day: date, zone: ZoneInfo) -> int:
    """The first instant of a local day: the earlier of two midnights, the end of a gap that swallows midnight."""
    return int(datetime.combine(day, time.min, tzinfo=zone).timestamp())

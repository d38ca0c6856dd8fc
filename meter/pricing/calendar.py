"""Periods and time windows, in an account's or a rule's own zone.

Everything is decided by wall clocks: a day begins at the first instant that its date is shown, also where clocks change
at midnight.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from meter.policy.model import PeriodUnit, TimeAdjustment
from meter.policy.plans import Anchor, Duration
from meter.pricing.terms import Period, Terms

THE_CALENDAR = date(1, 1, 1)
"""A Monday, the first day of a month and of a year: counted from there, all periods are the calendar's."""

LENGTHS = {
    PeriodUnit.DAY: Duration(days=1),
    PeriodUnit.WEEK: Duration(days=7),
    PeriodUnit.MONTH: Duration(months=1),
    PeriodUnit.YEAR: Duration(months=12),
}


def period_containing(terms: Terms, now: int) -> Period:
    """The period that contains the Unix second ``now``; where nothing resets, the one from 0 on."""
    number = number_containing(terms, now)
    return Period(start=0, end=None) if number is None else period_numbered(terms, number)


def number_containing(terms: Terms, now: int) -> int | None:
    """The number of the period that contains the Unix second ``now``; None where nothing resets.

    Numbers count on from the anchor for ever, and may be negative.
    """
    if terms.period is PeriodUnit.NONE:
        return None
    zone = ZoneInfo(terms.zone)
    number = _number_around(terms, datetime.fromtimestamp(now, zone).date())
    # Clocks that are set back over midnight show a date again after its period was over.
    while _begins(_first_day(terms, number + 1), zone) <= now:
        number += 1
    while _begins(_first_day(terms, number), zone) > now:
        number -= 1
    return number


def period_numbered(terms: Terms, number: int) -> Period:
    """The period with a number."""
    zone = ZoneInfo(terms.zone)
    return Period(start=_begins(_first_day(terms, number), zone), end=_begins(_first_day(terms, number + 1), zone))


def later(now: int, days: int, zone: str) -> int:
    """The second at which an account's clocks show the same time so many days later."""
    local = datetime.fromtimestamp(now, ZoneInfo(zone)) + timedelta(days=days)
    return int(local.timestamp())


def day_of(now: int, zone: str) -> date:
    """The date that an account's clocks show."""
    return datetime.fromtimestamp(now, ZoneInfo(zone)).date()


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


def _number_around(terms: Terms, day: date) -> int:
    """The number of the period around ``day``, give or take a few."""
    length, anchor = _length(terms), _anchor(terms)
    if not length.days:
        return (_months(day) - _months(anchor)) // length.months
    if not length.months:
        return (day - anchor).days // length.days
    # A month has 30.4 days: the guess is near enough for the way to the right one to be short.
    return (day - anchor).days * 10 // (length.months * 304 + length.days * 10)


def _first_day(terms: Terms, number: int) -> date:
    """The first day of a period: counted from the anchor, so that a short month shortens no later one."""
    length, anchor = _length(terms), _anchor(terms)
    return _month_later(anchor, number * length.months) + timedelta(days=number * length.days)


def _length(terms: Terms) -> Duration:
    if terms.drip:
        return LENGTHS[PeriodUnit.MONTH]
    return terms.every or LENGTHS[terms.period]


def _anchor(terms: Terms) -> date:
    signed_up = terms.anchor is Anchor.SIGNUP or terms.every is not None
    return terms.signed_up if signed_up and terms.signed_up is not None else THE_CALENDAR


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month_later(day: date, months: int) -> date:
    """The same day of another month, or the last one where that is shorter."""
    year, index = divmod(_months(day) + months, 12)
    return date(year, index + 1, min(day.day, monthrange(year, index + 1)[1]))


def _begins(day: date, zone: ZoneInfo) -> int:
    """The first instant of a local day: the earlier of two midnights, the end of a gap that swallows midnight."""
    return int(datetime.combine(day, time.min, tzinfo=zone).timestamp())

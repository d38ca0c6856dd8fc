"""When a time window opens and shuts next: what a price will be, for those who can wait."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from meter.policy.model import TimeAdjustment
from meter.pricing.calendar import within
from meter.pricing.conditions import minute

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

Span = tuple[datetime, datetime]
"""[from, to), in UTC, in whole minutes: a price is decided by the minute."""


def spans(window: TimeAdjustment, begin: datetime, end: datetime) -> tuple[Span, ...]:
    """The spans of a window between two moments, in order; one that goes on beyond them is cut there."""
    begin, end = minute(begin), minute(end)
    found: list[Span] = []
    borders = [begin, *sorted(one for one in _borders(window, begin, end) if begin < one < end), end]
    for here, there in pairwise(borders):
        if here == there or not within(window, here):
            continue
        first = found.pop()[0] if found and found[-1][1] == here else here
        found.append((first, there))
    return tuple(found)


def _borders(window: TimeAdjustment, begin: datetime, end: datetime) -> set[datetime]:
    """Every minute at which the window may open or shut: its own times, midnights, and where the clocks change."""
    first, last = begin.astimezone(window.zone).date() - DAY, end.astimezone(window.zone).date() + DAY
    found = set(_changes(window, first, last))
    for day in _days(first, last):
        for clock in (window.start, window.end, time.min):
            for fold in (0, 1):
                local = datetime.combine(day, clock, tzinfo=window.zone).replace(fold=fold)
                found.add(_whole_minute(local))
    return found


def _changes(window: TimeAdjustment, first: date, last: date) -> Iterator[datetime]:
    """The minutes at which the zone's clocks are changed."""
    for day in _days(first, last):
        early = _whole_minute(datetime.combine(day, time.min, tzinfo=window.zone))
        late = early + DAY
        offset = early.astimezone(window.zone).utcoffset()
        if late.astimezone(window.zone).utcoffset() == offset:
            continue
        while late - early > MINUTE:
            middle = minute(early + (late - early) // 2)
            if middle.astimezone(window.zone).utcoffset() == offset:
                early = middle
            else:
                late = middle
        yield late


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _whole_minute(local: datetime) -> datetime:
    """The first whole minute that is not before a local time."""
    moment = local.astimezone(UTC)
    whole = minute(moment)
    return whole if whole == moment else whole + MINUTE

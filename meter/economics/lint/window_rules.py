"""301 to 305 and 313: windows of the day: where they meet, where clocks change, whose night they are."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations

from meter.economics.lint.corners import states
from meter.economics.lint.finding import Found
from meter.economics.lint.subject import Subject
from meter.economics.lint.writing import number_text
from meter.policy.model import Place, TimeAdjustment
from meter.pricing.calendar import within

GAP_MINUTES_MAX = 60
"""A hole between two windows of up to an hour is more likely forgotten than meant."""
DAY_MINUTES = 24 * 60
STEP = timedelta(minutes=1)


def overlapping_windows(subject: Subject) -> Iterator[Found]:
    """MTR301."""
    for first, second in combinations(_windows(subject), 2):
        if _file(subject, first) != _file(subject, second):
            continue
        both = states((first, second), subject.year).get(frozenset({first.name, second.name}))
        if both:
            product = first.multiply * second.multiply
            problem = (
                f"{first.name} and {second.name} overlap, first at {both:%Y-%m-%d %H:%M} UTC:"
                f" both apply, × {number_text(product)} together"
            )
            fix = f"end {first.name} where {second.name} begins, or write one window with the factor that is meant."
            yield Found(place=_place(subject, second), problem=problem, fix=fix)


def gap_between_windows(subject: Subject) -> Iterator[Found]:
    """MTR302."""
    windows = _windows(subject)
    for before in windows:
        alike = [one for one in windows if one is not before and _side_by_side(subject, before, one)]
        if any(within_day(one, before.end) for one in alike):
            continue
        for after in alike:
            minutes = (_minute(after.start) - _minute(before.end)) % DAY_MINUTES
            if 0 < minutes <= GAP_MINUTES_MAX:
                problem = (
                    f"from {before.end:%H:%M} to {after.start:%H:%M} neither {before.name} nor {after.name} applies:"
                    f" {minutes} minutes at full price between them"
                )
                fix = f"a window ends before its `to`: write to: {after.start:%H:%M}, or leave the gap on purpose."
                yield Found(place=_place(subject, before, "to"), problem=problem, fix=fix)


def last_minute(subject: Subject) -> Iterator[Found]:
    """MTR303."""
    for window in _windows(subject):
        if window.end.minute in {29, 59}:
            follows = (datetime.combine(date.min, window.end) + STEP).time()
            problem = f"{window.name} ends before {window.end:%H:%M}, so that minute pays the full price"
            fix = f"`to` is not part of the window: write {follows:%H:%M}."
            yield Found(place=_place(subject, window, "to"), problem=problem, fix=fix)


def clock_change(subject: Subject) -> Iterator[Found]:
    """MTR304."""
    for window in _windows(subject):
        wall = (_minute(window.end) - _minute(window.start)) % DAY_MINUTES or DAY_MINUTES
        for day, minutes in _odd_days(window, subject.year, wall):
            happens = "does not happen" if not minutes else f"lasts {_hours(minutes)} instead of {_hours(wall)}"
            problem = f"{window.name} {happens} on {day}, when clocks change in {window.zone.key}"
            fix = "keep its ends away from the hour that clocks change in, or write it in UTC."
            yield Found(place=_place(subject, window), problem=problem, fix=fix)


def other_peoples_night(subject: Subject) -> Iterator[Found]:
    """MTR305."""
    zone = subject.economics.zone
    for window in _windows(subject) if zone else ():
        shown = [
            [
                datetime.combine(date(subject.year, month, 15), clock, tzinfo=window.zone).astimezone(zone)
                for month in (1, 7)
            ]
            for clock in (window.start, window.end)
        ]
        (winter, summer), (winter_end, summer_end) = shown
        if window.start == window.end or (winter.time() == window.start and summer.time() == window.start):
            continue
        problem = (
            f"{window.name} is {winter:%H:%M} to {winter_end:%H:%M} where the customers live ({zone and zone.key})"
        )
        if summer.time() != winter.time():
            problem += f", and {summer:%H:%M} to {summer_end:%H:%M} in summer"
        fix = f"write it in their zone: zone: {zone and zone.key}."
        yield Found(place=_place(subject, window), problem=problem, fix=fix)


def window_over(subject: Subject) -> Iterator[Found]:
    """MTR313."""
    for window in _windows(subject):
        if window.last and window.last < date(subject.year, 1, 1):
            problem = f"{window.name} ended on {window.last} and never applies again"
            yield Found(
                place=_place(subject, window, "last"), problem=problem, fix="leave it out, or give it new dates."
            )


def within_day(window: TimeAdjustment, clock: time) -> bool:
    """Whether a window, on the days that it is open, holds a time of the day."""
    if window.start < window.end:
        return window.start <= clock < window.end
    return clock >= window.start or clock < window.end


def _windows(subject: Subject) -> list[TimeAdjustment]:
    return [one for one in subject.adjustments if isinstance(one, TimeAdjustment)]


def _file(subject: Subject, window: TimeAdjustment) -> str:
    """Windows of different files never meet in one price."""
    return subject.adjustments[window][0].place.file


def _side_by_side(subject: Subject, one: TimeAdjustment, other: TimeAdjustment) -> bool:
    return (
        one.zone.key == other.zone.key
        and bool(one.weekdays & other.weekdays)
        and (one.first or date.min) <= (other.last or date.max)
        and (other.first or date.min) <= (one.last or date.max)
        and _file(subject, one) == _file(subject, other)
    )


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _odd_days(window: TimeAdjustment, year: int, wall: int) -> Iterator[tuple[date, int]]:
    """The days of a year on which a window lasts longer or shorter than its clocks say, with its minutes then."""
    if window.start == window.end:
        return
    for day in _changes(window, year):
        if day.weekday() in window.weekdays and (window.first or day) <= day <= (window.last or day):
            minutes = _minutes_open(replace(window, first=day, last=day), day)
            if minutes != wall:
                yield day, minutes


def _minutes_open(window: TimeAdjustment, day: date) -> int:
    """How long a window of one day lasts: until the evening of the next, whatever clocks do in between."""
    begins = datetime.combine(day, time(), tzinfo=window.zone).astimezone(UTC)
    return sum(within(window, begins + STEP * number) for number in range(2 * DAY_MINUTES))


def _changes(window: TimeAdjustment, year: int) -> Sequence[date]:
    """The days around the changes of a zone's clocks: that of the change and the one before, whose night it may be."""
    days = [date(year, 1, 1) + timedelta(days=number) for number in range(365)]
    noons = [datetime.combine(day, time(12), tzinfo=window.zone).utcoffset() for day in days]
    changed = [days[at] for at in range(1, len(days)) if noons[at] != noons[at - 1]]
    return sorted({day - timedelta(days=back) for day in changed for back in (0, 1)})


def _hours(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours} h" if not rest else f"{hours} h {rest} min"


def _place(subject: Subject, window: TimeAdjustment, end: str | None = None) -> Place:
    file_place = subject.adjustments[window][0].place
    whole = subject.place_of("adjustments", window.name, otherwise=file_place)
    return whole if end is None else subject.place_of("adjustments", window.name, "time", end, otherwise=whole)

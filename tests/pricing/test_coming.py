"""When a time window opens and shuts next, compared minute by minute with what prices a call."""

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.policy.model import TimeAdjustment
from meter.pricing.calendar import within
from meter.pricing.coming import spans

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Asuncion", "Asia/Kathmandu"]
CHANGES = [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC)]


def window(start: str, end: str, zone: str = "UTC", **facts) -> TimeAdjustment:
    clock = time.fromisoformat
    return TimeAdjustment(
        name="w", multiply=Fraction(1, 2), start=clock(start), end=clock(end), zone=ZoneInfo(zone), **facts
    )


def moment(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


def shown(found) -> list[tuple[str, str]]:
    return [(f"{begin:%d %H:%M}", f"{end:%d %H:%M}") for begin, end in found]


def test_a_nightly_window_is_told_for_each_night() -> None:
    found = spans(window("02:00", "07:00"), moment("2026-11-25T03:00"), moment("2026-11-27T00:00"))

    assert shown(found) == [("25 03:00", "25 07:00"), ("26 02:00", "26 07:00")]


def test_a_window_that_crosses_midnight_is_one_span() -> None:
    found = spans(window("22:00", "06:00"), moment("2026-11-25T12:00"), moment("2026-11-26T12:00"))

    assert shown(found) == [("25 22:00", "26 06:00")]


def test_a_window_of_the_whole_day_never_shuts() -> None:
    found = spans(window("00:00", "00:00"), moment("2026-11-25T12:00"), moment("2026-11-29T12:00"))

    assert shown(found) == [("25 12:00", "29 12:00")]


def test_a_window_of_other_days_is_not_told() -> None:
    days = {"first": date(2026, 12, 1), "last": date(2026, 12, 2)}

    assert spans(window("02:00", "07:00", **days), moment("2026-11-25T00:00"), moment("2026-11-28T00:00")) == ()


def test_a_window_that_opens_where_the_clocks_jump_opens_after_the_jump() -> None:
    found = spans(window("02:30", "05:00", "Europe/Berlin"), moment("2026-03-28T12:00"), moment("2026-03-29T12:00"))

    assert shown(found) == [("29 01:00", "29 03:00")]


@pytest.mark.parametrize("day", CHANGES, ids=lambda day: f"{day:%d %B}")
@settings(max_examples=12, deadline=None)
@given(
    minutes=st.tuples(st.integers(0, 1439), st.integers(0, 1439)),
    zone=st.sampled_from(ZONES),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
)
def test_what_is_told_is_what_prices_a_call(day, minutes, zone, weekdays) -> None:
    start, end = (time(number // 60, number % 60) for number in minutes)
    rule = TimeAdjustment(name="w", multiply=Fraction(2), start=start, end=end, zone=ZoneInfo(zone), weekdays=weekdays)
    begin, until = day - timedelta(hours=20), day + timedelta(hours=40)
    told = spans(rule, begin, until)
    every = [begin + timedelta(minutes=number) for number in range(60 * 60)]

    assert [any(one <= here < other for one, other in told) for here in every] == [within(rule, here) for here in every]

"""Periods in an account's own zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.credits import ZERO
from meter.policy.model import PeriodUnit
from meter.policy.plans import Anchor, Duration
from meter.pricing.calendar import period_containing
from meter.pricing.terms import Period, Terms


def terms(unit: PeriodUnit, zone: str = "UTC", anchor_day: int = 1) -> Terms:
    """Terms whose periods count from the day of a month, and from the calendar where that is the first."""
    facts = {} if anchor_day == 1 else {"anchor": Anchor.SIGNUP, "signed_up": date(2020, 1, anchor_day)}
    every = Duration(months=1, days=3) if unit is PeriodUnit.CUSTOM else None
    return Terms(plan="pro", included=ZERO, period=unit, every=every, zone=zone, **facts)


def second(written: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("unit", "anchor_day", "zone", "now", "start", "end"),
    [
        pytest.param("day", 1, "UTC", "2026-11-22T10:00", "2026-11-22", "2026-11-23", id="day"),
        pytest.param("day", 1, "UTC", "2026-11-22T00:00", "2026-11-22", "2026-11-23", id="its first second is in it"),
        pytest.param("day", 1, "Asia/Tokyo", "2026-11-22T08:59", "2026-11-22", "2026-11-23", id="day in a zone"),
        pytest.param("day", 1, "Europe/Berlin", "2026-03-29T12:00", "2026-03-29", "2026-03-30", id="a day of 23 hours"),
        pytest.param("week", 1, "UTC", "2026-11-22T10:00", "2026-11-16", "2026-11-23", id="a Sunday ends its week"),
        pytest.param("week", 1, "UTC", "2026-11-23T00:00", "2026-11-23", "2026-11-30", id="a Monday begins one"),
        pytest.param("month", 1, "UTC", "2026-11-22T10:00", "2026-11-01", "2026-12-01", id="month"),
        pytest.param("month", 1, "UTC", "2026-12-31T23:59:59", "2026-12-01", "2027-01-01", id="December"),
        pytest.param("month", 15, "UTC", "2026-11-14T23:59:59", "2026-10-15", "2026-11-15", id="before its anchor day"),
        pytest.param("month", 15, "UTC", "2026-11-15T00:00", "2026-11-15", "2026-12-15", id="on its anchor day"),
        pytest.param("month", 31, "UTC", "2026-02-27T12:00", "2026-01-31", "2026-02-28", id="short February"),
        pytest.param("month", 31, "UTC", "2026-02-28T00:00", "2026-02-28", "2026-03-31", id="clamped to its last day"),
        pytest.param("month", 30, "UTC", "2028-02-29T00:00", "2028-02-29", "2028-03-30", id="leap February"),
        pytest.param("year", 15, "UTC", "2026-11-22T10:00", "2026-01-15", "2027-01-15", id="year of signing up"),
    ],
)
def test_a_period_runs_from_one_local_midnight_to_another(*, unit, anchor_day, zone, now, start, end):
    found = period_containing(terms(PeriodUnit(unit), zone, anchor_day), second(now, zone))

    assert found == Period(start=second(start, zone), end=second(end, zone))


def test_what_never_resets_is_one_period_without_end():
    assert period_containing(terms(PeriodUnit.NONE), second("2026-11-22")) == Period(start=0, end=None)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        pytest.param("Europe/Berlin", "2026-03-29", 23, id="clocks go forward"),
        pytest.param("Europe/Berlin", "2026-10-25", 25, id="clocks go back"),
        pytest.param("America/Sao_Paulo", "2018-11-04", 23, id="midnight is skipped"),
        pytest.param("America/Havana", "2026-11-01", 25, id="midnight comes twice"),
        pytest.param("Australia/Lord_Howe", "2026-04-05", 24.5, id="half an hour"),
    ],
)
def test_a_day_is_as_long_as_its_clocks_say(zone, day, hours):
    found = period_containing(terms(PeriodUnit.DAY, zone), second(f"{day}T12:00", zone))

    assert found.end - found.start == hours * 3600


def test_a_date_that_is_shown_again_stays_in_the_period_that_followed_it():
    shown_again = int(datetime(2010, 11, 7, 3, 15, tzinfo=UTC).timestamp())
    zone = "America/St_Johns"
    local = datetime.fromtimestamp(shown_again, ZoneInfo(zone))

    found = period_containing(terms(PeriodUnit.DAY, zone), shown_again)

    assert local.day == 6
    assert found.start == second("2010-11-07", zone) < shown_again


def test_a_day_that_a_zone_skipped_is_part_of_no_period():
    before = period_containing(terms(PeriodUnit.DAY, "Pacific/Apia"), second("2011-12-29T12:00", "Pacific/Apia"))

    after = period_containing(terms(PeriodUnit.DAY, "Pacific/Apia"), before.end)

    assert after == Period(start=before.end, end=second("2012-01-01", "Pacific/Apia"))


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/St_Johns", "America/Havana", "Pacific/Apia", "Africa/Cairo", "Asia/Kathmandu"]
)
UNITS = st.sampled_from([unit for unit in PeriodUnit if unit is not PeriodUnit.NONE])
SECONDS = st.integers(second("1971-01-01"), second("2037-01-01"))
AROUND_CHANGES = st.builds(
    lambda day, offset: int((datetime(2010, 11, 7, tzinfo=UTC) + timedelta(days=day, minutes=offset)).timestamp()),
    st.sampled_from([0, 0, 417, 130, -238]),
    st.integers(-400, 400),
)


@given(unit=UNITS, zone=ZONES, anchor_day=st.integers(1, 31), now=SECONDS | AROUND_CHANGES)
def test_periods_hold_their_seconds_and_follow_each_other_without_a_gap(unit, zone, anchor_day, now):
    account = terms(unit, zone, anchor_day)

    found = period_containing(account, now)

    assert found.start <= now < found.end
    assert period_containing(account, found.start) == period_containing(account, found.end - 1) == found
    assert period_containing(account, found.end).start == found.end

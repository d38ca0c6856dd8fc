"""When each adjustment applies, and by how much."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from meter.credits import parse
from meter.policy.model import CommitmentAdjustment
from meter.pricing.adjust import factor
from meter.pricing.conditions import Conditions, Factor, LoadReading
from tests.pricing.make import BUSY, NIGHT, NOON, SURGE, TIERS

BERLIN = ZoneInfo("Europe/Berlin")
LATE = replace(NIGHT, start=time(22), end=time(2))
MONDAY = 0


def applies(window, moment: datetime) -> bool:
    return factor(window, Conditions(moment=moment)) is not None


def utc(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "moment", "inside"),
    [
        pytest.param(NIGHT, "2026-11-22T01:59:59", False, id="a second before"),
        pytest.param(NIGHT, "2026-11-22T02:00", True, id="its first minute"),
        pytest.param(NIGHT, "2026-11-22T06:59:59", True, id="its last second"),
        pytest.param(NIGHT, "2026-11-22T07:00", False, id="its end"),
        pytest.param(LATE, "2026-11-22T21:59", False, id="before one over midnight"),
        pytest.param(LATE, "2026-11-22T22:00", True, id="one over midnight begins"),
        pytest.param(LATE, "2026-11-23T01:59", True, id="after its midnight"),
        pytest.param(LATE, "2026-11-23T02:00", False, id="one over midnight ends"),
        pytest.param(replace(LATE, end=time(0)), "2026-11-22T23:59", True, id="until midnight"),
        pytest.param(replace(LATE, end=time(0)), "2026-11-23T00:00", False, id="not after it"),
        pytest.param(replace(NIGHT, end=time(2)), "2026-11-22T01:00", True, id="start and end equal: always"),
        pytest.param(replace(NIGHT, zone=BERLIN), "2026-11-22T01:00", True, id="in its zone"),
        pytest.param(replace(NIGHT, zone=BERLIN), "2026-07-22T00:00", True, id="in its zone's summer"),
        pytest.param(replace(NIGHT, zone=BERLIN), "2026-11-22T06:00", False, id="out in its zone"),
        pytest.param(replace(NIGHT, zone=BERLIN), "2026-10-25T00:30", True, id="02:30 of the hour that comes twice"),
        pytest.param(replace(NIGHT, zone=BERLIN), "2026-10-25T01:30", True, id="02:30 again"),
        pytest.param(replace(NIGHT, zone=BERLIN), "2026-03-29T01:00", True, id="03:00 where 02:00 is skipped"),
    ],
)
def test_a_window_holds_its_start_and_not_its_end(window, moment, inside):
    assert applies(window, utc(moment)) == inside


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        pytest.param("2026-11-23T23:00", True, id="Monday night"),
        pytest.param("2026-11-24T01:00", True, id="Tuesday morning, of Monday's window"),
        pytest.param("2026-11-24T23:00", False, id="Tuesday night"),
        pytest.param("2026-11-23T01:00", False, id="Monday morning, of Sunday's window"),
    ],
)
def test_a_weekday_is_the_one_on_which_the_window_began(moment, inside):
    assert applies(replace(LATE, weekdays=frozenset({MONDAY})), utc(moment)) == inside


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        pytest.param("2026-11-22T23:00", False, id="the day before"),
        pytest.param("2026-11-23T23:00", True, id="the first day"),
        pytest.param("2026-11-25T01:00", True, id="the morning after the last day"),
        pytest.param("2026-11-25T23:00", False, id="the day after"),
    ],
)
def test_dates_are_those_on_which_the_window_began_both_included(moment, inside):
    assert applies(replace(LATE, first=date(2026, 11, 23), last=date(2026, 11, 24)), utc(moment)) == inside


def test_a_window_tells_its_hours_zone_and_days():
    window = replace(LATE, zone=BERLIN, weekdays=frozenset({5, 6}))

    found = factor(window, Conditions(moment=utc("2026-11-22T22:00")))

    assert found == Factor(name="off-peak", multiply=Fraction(7, 10), reason="22:00 to 02:00 Europe/Berlin on Sat, Sun")


def test_a_load_adjustment_applies_while_it_is_on():
    found = factor(SURGE, Conditions(moment=NOON, load=BUSY))

    assert found == Factor(name="surge", multiply=Fraction(3, 2), reason="load 0.95; on above 0.9, off below 0.8")


def test_a_high_sample_alone_changes_no_price():
    assert factor(SURGE, Conditions(moment=NOON, load=LoadReading(sample=Fraction(2)))) is None


@pytest.mark.parametrize(
    ("commitment", "multiply"),
    [
        pytest.param("0", None, id="none"),
        pytest.param("99999.999999", None, id="below the first tier"),
        pytest.param("100000", "0.8", id="the first tier"),
        pytest.param("999999", "0.8", id="below the second"),
        pytest.param("1000000", "0.6", id="the second tier"),
        pytest.param("5000000", "0.6", id="above all"),
    ],
)
def test_the_highest_tier_reached_counts(commitment, multiply):
    found = factor(TIERS, Conditions(moment=NOON, commitment=parse(commitment)))

    assert (found and found.multiply) == (multiply and Fraction(multiply))


def test_a_commitment_tells_its_tier():
    found = factor(TIERS, Conditions(moment=NOON, commitment=parse("250000")))

    assert found.reason == "commitment of 250000 credits; from 100000 credits on"


def test_a_commitment_without_tiers_changes_nothing():
    assert factor(CommitmentAdjustment(name="none", tiers=()), Conditions(moment=NOON)) is None

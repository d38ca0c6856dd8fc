"""How much an account gets in a period, and what a change of plan moves."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from meter.credits import Credits
from meter.policy.model import PeriodUnit
from meter.policy.plans import Anchor, Rollover
from meter.pricing.allotment import included_in, prorated, renewal
from meter.pricing.calendar import later, period_containing
from meter.pricing.terms import Period, Terms


def second(written: str) -> int:
    return int(datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp())


def terms(included: int = 3000, period: PeriodUnit = PeriodUnit.MONTH, **facts: object) -> Terms:
    return Terms(plan="pro", included=Credits(included), period=period, **facts)


@given(included=st.integers(0, 2**53 - 1), month=st.integers(1, 12), day=st.integers(1, 31))
def test_the_twelve_months_of_a_year_that_drips_bring_exactly_what_it_includes(included, month, day):
    dripping = terms(included, PeriodUnit.YEAR, drip=True, anchor=Anchor.SIGNUP, signed_up=date(2028, 1, day))
    period = period_containing(dripping, second(f"2028-{month:02}-28"))
    given_out = []
    for _ in range(12):
        given_out.append(included_in(dripping, period))
        period = renewal(dripping, dripping, period, period.end).period

    assert max(given_out) - min(given_out) <= 1
    if month == 1 and day <= 28:
        assert sum(given_out) == included


def test_a_year_that_drips_resets_each_month():
    dripping = terms(1200, PeriodUnit.YEAR, drip=True, anchor=Anchor.SIGNUP, signed_up=date(2026, 8, 31))

    assert period_containing(dripping, second("2027-02-10")) == Period(
        start=second("2027-01-31"), end=second("2027-02-28")
    )


def test_a_change_at_once_gives_and_takes_the_share_that_the_rest_of_the_period_is():
    now = second("2026-11-16")
    moved = prorated(
        terms(3000),
        terms(9000),
        revision=1,
        period=Period(start=second("2026-11-01"), end=second("2026-12-01")),
        now=now,
    )

    assert (moved.give, moved.take, moved.end) == (4500, 1500, second("2026-12-01"))


def test_a_change_to_another_calendar_ends_the_period_as_that_one_says():
    period = Period(start=second("2026-11-01"), end=second("2026-12-01"))
    moved = prorated(terms(3000), terms(700, PeriodUnit.WEEK), revision=1, period=period, now=second("2026-11-18"))

    assert (moved.give, moved.take, moved.end) == (500, 1300, second("2026-11-23"))


def test_a_period_that_follows_one_of_another_calendar_is_short_and_brings_its_share():
    week = Period(start=second("2026-11-09"), end=second("2026-11-16"))
    step = renewal(terms(700, PeriodUnit.WEEK), terms(3000), week, second("2026-11-16"))

    assert step.period == Period(start=second("2026-11-16"), end=second("2026-12-01"))
    assert step.included == 1500


def test_periods_that_leave_nothing_behind_are_passed_over_and_the_others_gone_through():
    rolling = terms(rollover=Rollover(millionths=500_000, periods=2))
    old = Period(start=second("2026-01-01"), end=second("2026-02-01"))

    plain = renewal(terms(), terms(), old, second("2026-11-16"))
    step = renewal(rolling, rolling, old, second("2026-11-16"))

    assert plain.period.start == second("2026-11-01")
    assert step.period.start == second("2026-09-01")
    assert step.rolls_until == second("2026-04-01")


def test_a_trial_ends_at_the_same_time_of_day_across_a_change_of_clocks():
    began = second("2026-03-20T11:00")

    assert later(began, 14, "Europe/Berlin") == second("2026-04-03T10:00")

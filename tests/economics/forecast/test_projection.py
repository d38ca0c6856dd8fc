"""The projection: better than the run rate, honest about its doubt, and right at the edges."""

from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pytest

from meter.economics.exact import EconomicsError
from meter.economics.forecast.consumption import use_of
from meter.economics.forecast.days import KNOWN_MAX, look_ahead
from meter.economics.forecast.projection import project
from tests.economics.forecast.series import KINDS, ORDINARY, months

START, END = date(2026, 11, 1), date(2026, 12, 1)
WEEK = (90, 100, 110, 100, 95, 30, 25)


def weekly(first, days, factor=1.0):
    """Days of a clear week, each of them exactly as the last."""
    return {
        (first + timedelta(days=at), ""): round(WEEK[(first + timedelta(days=at)).weekday()] * factor**at)
        for at in range(days)
    }


def month(consumed, *, elapsed=20, limit=None, start=START, end=END):
    exact = {key: Fraction(amount) for key, amount in consumed.items()}
    return project(
        use_of(exact, start=start, end=end, elapsed=elapsed, limit=None if limit is None else Fraction(limit))
    )


def measured(one, day=20):
    """What a month came to; the run rate, and the 5, 50 and 95 % of what was projected."""
    past = {(when, ""): Fraction(amount) for when, amount in one.past(day).items()}
    end = one.start + timedelta(days=len(one.uses))
    found = month(past, elapsed=day, start=one.start, end=end)
    return one.uses.sum(), float(found.run_rate), *(found.at_end(chance) for chance in (0.05, 0.5, 0.95))


@pytest.fixture(scope="module")
def two_hundred():
    return np.array([measured(one) for one in months(200, seed=2026)])


def test_of_200_months_it_errs_less_than_the_run_rate(two_hundred):
    truth, rate, _, projected, _ = two_hundred.T

    assert (abs(projected - truth) / truth).mean() < 0.9 * (abs(rate - truth) / truth).mean()
    assert abs(projected - truth).mean() < abs(rate - truth).mean()


def test_of_200_months_its_90_percent_intervals_hold_85_to_95_percent(two_hundred):
    truth, _, low, _, high = two_hundred.T

    assert 0.85 <= ((low <= truth) & (truth <= high)).mean() <= 0.95


def test_the_months_have_patterns_trends_and_noise_of_every_declared_kind():
    assert {one.kind for one in months(len(ORDINARY), seed=1)} == set(ORDINARY)
    assert {len(one.uses) for one in months(60, seed=1)} == {28, 29, 30, 31}
    assert {one.start.weekday() for one in months(60, seed=1)} == set(range(7))
    assert all((one.uses >= 0).all() for one in months(60, seed=1, kinds=tuple(KINDS)))


def test_a_clear_week_is_carried_on_where_the_run_rate_is_far_off():
    found, whole = month(weekly(START, 20)), sum(weekly(START, 30).values())

    assert abs(found.at_end(0.5) - whole) < 0.015 * whole < abs(float(found.run_rate) - whole)


def test_growth_is_carried_on():
    whole = sum(weekly(START, 30, factor=1.02).values())
    found = month(weekly(START, 20, factor=1.02))

    assert abs(found.at_end(0.5) - whole) < 0.03 * whole < abs(float(found.run_rate) - whole)


def test_history_before_the_period_makes_it_surer_and_is_not_counted_as_used():
    short = month(weekly(START, 5), elapsed=5)
    long = month(weekly(START - timedelta(days=28), 33), elapsed=5)

    assert short.use.used == long.use.used
    assert long.at_end(0.95) - long.at_end(0.05) < 0.5 * (short.at_end(0.95) - short.at_end(0.05))


def test_the_same_days_give_the_same_projection():
    assert month(weekly(START, 20)).at_end(0.9) == month(weekly(START, 20)).at_end(0.9)


def test_credits_have_no_unit_that_matters():
    small = month(weekly(START, 20)).at_end(0.9)
    large = month({day: amount * 10**9 for day, amount in weekly(START, 20).items()}).at_end(0.9)

    assert large == pytest.approx(small * 10**9, rel=1e-6)


def test_quantiles_are_in_order_and_above_what_was_used():
    found = month(weekly(START, 20))
    quantiles = [found.at_end(chance) for chance in (0.001, 0.05, 0.1, 0.5, 0.9, 0.95, 0.999)]

    assert quantiles == sorted(quantiles)
    assert quantiles[0] >= float(found.use.used)


def test_weekends_without_use_stay_without_use():
    consumed = {key: amount for key, amount in weekly(START, 27).items() if key[0].weekday() < 5}
    found = month(consumed, elapsed=27)

    assert found.on(date(2026, 11, 28), 0.5) < 10
    assert found.on(date(2026, 11, 30), 0.5) > 80


def test_a_new_customers_days_begin_with_its_first_use():
    consumed = {key: amount for key, amount in weekly(START, 20).items() if key[0] >= date(2026, 11, 12)}
    whole = sum(amount for key, amount in weekly(START, 30).items() if key[0] >= date(2026, 11, 12))
    found = month(consumed)

    assert float(found.run_rate) < 0.8 * whole
    assert found.at_end(0.1) < whole < found.at_end(0.9)


def test_one_day_gives_a_projection_with_much_doubt():
    found = month(weekly(START, 1), elapsed=1)

    assert found.run_rate == 30 * 25
    assert found.at_end(0.9) > 2 * found.at_end(0.1)


def test_a_month_of_nothing_has_no_projection():
    found = month({})

    assert (found.run_rate, found.known, found.ahead) == (0, False, None)


def test_day_0_is_projected_from_history_and_refused_without():
    found = month(weekly(START - timedelta(days=28), 28), elapsed=0)
    whole = sum(weekly(START, 30).values())

    assert found.run_rate is None
    assert found.at_end(0.1) < whole < found.at_end(0.9)
    with pytest.raises(EconomicsError, match="Day 0 is over"):
        month({}, elapsed=0)


def test_when_the_period_is_over_nothing_is_estimated():
    found = month(weekly(START, 30), elapsed=30, limit=10**6)

    assert found.at_end(0.05) == found.at_end(0.95) == found.run_rate == found.use.used
    assert (found.chance_to_run_out(), found.runs_out(0.1)) == (0, None)


def test_running_out_has_a_chance_and_dates_that_go_together():
    expected = sum(weekly(START, 30).values())
    found = month(weekly(START, 20), limit=expected)
    early, middle, late = (found.runs_out(chance) for chance in (0.1, 0.5, 0.9))

    assert 0.2 < found.chance_to_run_out() < 0.8
    assert START + timedelta(days=20) < early < END
    assert middle is None or middle >= early
    assert late is None


def test_a_limit_that_is_passed_already_says_when():
    found = month(weekly(START, 20), limit=sum(weekly(START, 8).values()))

    assert found.chance_to_run_out() == 1
    assert {found.runs_out(chance) for chance in (0.1, 0.9)} == {date(2026, 11, 8)}


def test_without_a_limit_nothing_runs_out():
    found = month(weekly(START, 20))

    assert (found.chance_to_run_out(), found.runs_out(0.1)) == (None, None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"limit": 0}, "limit of 0", id="a limit of nothing"),
        pytest.param({"end": START}, "there is no day", id="an empty period"),
        pytest.param({"elapsed": 31}, "Day 31", id="a day after the period"),
        pytest.param({"elapsed": -1}, "Day -1", id="a day before the period"),
    ],
)
def test_what_can_be_no_period_is_refused_with_the_value(given, said):
    with pytest.raises(EconomicsError, match=said):
        month(weekly(START, 20), **given)


def test_half_a_day_is_half_of_what_a_whole_one_is():
    known = [100.0] * 21
    whole, half = (look_ahead(known, [share], weekday=0).until[0].quantile(0.5) for share in (1.0, 0.5))

    assert half == pytest.approx(whole / 2)


def test_what_is_long_ago_is_not_looked_at():
    known = [100.0] * KNOWN_MAX

    assert look_ahead([5.0] * 7 + known, [1.0], weekday=0).until[0].means == pytest.approx(
        look_ahead(known, [1.0], weekday=0).until[0].means
    )


@pytest.mark.parametrize(
    "uses", [[0.01, 1e9, 0.01, 5], [1e-6] * 10, [1, 0, 0, 0, 0, 0, 0, 0], [0] * 9 + [7], [1e9] * 30]
)
def test_odd_days_give_finite_numbers(uses):
    ahead = look_ahead([float(use) for use in uses], [1.0] * 31, weekday=3)

    assert np.isfinite([ahead.until[-1].quantile(chance) for chance in (0.01, 0.5, 0.99)]).all()

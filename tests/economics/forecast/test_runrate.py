"""The run rate and the share of a limit, exactly."""

from fractions import Fraction

import pytest

from meter.economics.exact import EconomicsError
from meter.economics.forecast.runrate import runrate, used


def test_the_articles_month_comes_to_48675_not_48600():
    assert [runrate(32450, 20, days) for days in (28, 30, 31)] == [45430, 48675, Fraction("50297.5")]


def test_a_day_may_be_half_over():
    assert runrate(100, Fraction(5, 2), 30) == 1200


def test_on_the_last_day_the_run_rate_is_what_was_used():
    assert runrate(123, 30, 30) == 123


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param((1, 0, 30), "After 0 days", id="nothing is over yet"),
        pytest.param((1, 31, 30), "Day 31", id="after the period"),
        pytest.param((-1, 1, 30), "-1 can't have been used", id="negative use"),
    ],
)
def test_a_rate_of_nothing_is_refused(arguments, said):
    with pytest.raises(EconomicsError, match=said):
        runrate(*arguments)


@pytest.mark.parametrize(
    ("spent", "limit", "pct", "remaining"),
    [
        pytest.param(32450, 50000, "64.9", 17550, id="the article's dashboard"),
        pytest.param(0, 3, "0", 3, id="nothing used"),
        pytest.param(1, 3, "100/3", 2, id="a share without an end"),
        pytest.param(60, 50, "120", -10, id="beyond the limit"),
    ],
)
def test_the_share_of_a_limit_is_exact(spent, limit, pct, remaining):
    found = used(spent, limit)

    assert (found.pct, found.remaining) == (Fraction(pct), remaining)


@pytest.mark.parametrize(("spent", "limit"), [(1, 0), (1, -5), (-1, 10)])
def test_a_share_of_no_limit_is_refused(spent, limit):
    with pytest.raises(EconomicsError):
        used(spent, limit)

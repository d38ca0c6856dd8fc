"""When somebody is told of an account."""

import pytest

from meter.credits import Credits
from meter.notices.rules import Level, notices, wants_top_up
from meter.policy.top_up import Often, TopUp
from meter.pricing.terms import Period
from tests.notices.make import DAY, MONTH, START, included, standing

TOP_UP = TopUp(below=Credits(100), cool_off_seconds=3600, at_most=Often(times=3, seconds=DAY))


def names(*facts: object, told: tuple[str, ...] = (), **more: object) -> list[str]:
    return [notice.name for notice in notices(standing(*facts, **more), frozenset(told))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("used", "told"),
    [
        pytest.param(499, [], id="below the first"),
        pytest.param(500, ["included:50"], id="exactly at one"),
        pytest.param(899, ["included:50", "included:80"], id="below the third"),
        pytest.param(1000, ["included:50", "included:80", "included:90", "included:100", "zero"], id="at the limit"),
        pytest.param(1500, ["included:50", "included:80", "included:90", "included:100", "zero"], id="beyond it"),
    ],
)
def test_each_threshold_is_told_from_the_credit_on_that_reaches_it(used, told):
    assert names(used) == told


def test_what_was_told_is_not_told_again():
    assert names(850, told=("included:50",)) == ["included:80"]
    assert names(850, told=("included:50", "included:80")) == []


def test_a_plan_that_includes_nothing_has_no_thresholds():
    assert names(0, 0) == []


def test_a_balance_of_zero_is_told_and_one_that_was_never_above_is_not():
    assert names(100, levels=(), remaining=Credits(0)) == ["zero"]
    assert names(0, levels=(), remaining=Credits(0), granted=Credits(0)) == []


def test_what_a_call_has_set_aside_may_come_back_so_nothing_is_told_yet():
    assert names(100, levels=(), remaining=Credits(0), reserved=Credits(1)) == []


def test_a_budget_is_told_by_its_own_name():
    budget = Level(name="budget:acme/web", used=Credits(85), limit=Credits(100))

    assert names(levels=(included(0), budget)) == ["budget:acme/web:50", "budget:acme/web:80"]


def test_a_period_that_is_over_says_nothing():
    assert names(1000, now=MONTH.end) == []


def test_use_that_goes_on_as_it_did_is_told_before_it_reaches_the_limit():
    (notice,) = notices(standing(200, now=START + 3 * DAY))

    assert notice.name == "included:forecast"
    assert notice.exhausted_at == START + 15 * DAY


@pytest.mark.parametrize(
    ("used", "now"),
    [
        pytest.param(99, START + 3 * DAY, id="use that will not reach it"),
        pytest.param(100, START + 3 * DAY, id="use that reaches it as the period ends"),
        pytest.param(400, START + DAY, id="too early in the period to know"),
        pytest.param(0, START + 3 * DAY, id="no use"),
    ],
)
def test_nothing_is_forecast_of(used, now):
    assert "included:forecast" not in names(used, now=now)


def test_a_level_that_is_used_up_is_not_forecast():
    assert "included:forecast" not in names(1000, now=START + 20 * DAY)


def test_the_first_hour_of_a_short_period_forecasts_nothing():
    day = Period(start=START, end=START + DAY // 24)

    assert names(400, period=day, now=START + 1800) == []


def test_where_nothing_resets_nothing_is_forecast():
    assert names(400, period=Period(start=0, end=None), now=START) == []


def test_a_purchase_is_asked_for_below_the_line_and_not_at_it():
    assert wants_top_up(standing(901), TOP_UP)
    assert not wants_top_up(standing(900), TOP_UP)


def test_no_purchase_is_asked_for_by_who_may_not_spend_or_whose_period_is_over():
    assert not wants_top_up(standing(1000, active=False), TOP_UP)
    assert not wants_top_up(standing(1000, now=MONTH.end), TOP_UP)

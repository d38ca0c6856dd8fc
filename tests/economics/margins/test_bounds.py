"""Verdicts are sure: a margin below the floor is found, one above it is left alone, at rates that are declared."""

from array import array
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from bench import margins as bench
from meter.credits import MICRO
from meter.economics.margins.bounds import ALPHA, EVENTS_MIN, bounds
from meter.economics.margins.groups import Group, Grouped
from meter.economics.margins.verdicts import Verdict, judged

FLOOR = Fraction(1, 2)
WEEKS = 100


def one_group(costs, revenues=None):
    costs = np.asarray(costs, dtype=float)
    paid = np.ones(len(costs)) if revenues is None else np.asarray(revenues, dtype=float)
    worth = Counter({Fraction(float(paid.sum())): MICRO})
    group = Group(("a",), calls=len(costs), cost=Fraction(float(costs.sum())), free=False, worth=worth)
    return Grouped((group,), array("q", [0] * len(costs)), array("d", paid), array("d", costs))


@pytest.mark.parametrize("shape", bench.COSTS)
def test_a_margin_of_45_percent_is_confirmed_within_1500_calls(shape):
    found = bench.confirmed(shape, 0.45, 1500, WEEKS, np.random.default_rng(1))

    assert found >= 0.95 * WEEKS


@pytest.mark.parametrize("shape", bench.COSTS)
@pytest.mark.parametrize("events", [150, 1500])
def test_a_margin_of_55_percent_is_confirmed_in_hardly_any_week_of_daily_looks(shape, events):
    found = bench.confirmed(shape, 0.55, events, WEEKS, np.random.default_rng(2))

    assert found <= 0.01 * WEEKS


def test_of_ten_operations_the_two_below_the_floor_are_found_and_no_other():
    wrong, right, there = bench.many("lognormal", 40, np.random.default_rng(3))

    assert wrong == 0
    assert right >= 0.8 * there


def test_many_operations_at_the_floor_itself_are_not_confirmed_because_they_are_many():
    random, weeks = np.random.default_rng(4), 30
    looks = [bench.verdicts([bench.costs("exponential", 0.5, 400, random) for _ in range(20)]) for _ in range(weeks)]

    each = sum(said.count(Verdict.CONFIRMED) for said in looks)
    assert sum(Verdict.CONFIRMED in said for said in looks) <= 0.1 * weeks
    assert each <= 0.01 * 20 * weeks


def test_both_bounds_hold_where_costs_have_a_long_tail():
    random, trials = np.random.default_rng(6), 800
    known = [bounds(one_group(bench.costs("exponential", 0.5, 100, random)), 0.5)[0] for _ in range(trials)]

    # Each is to miss in 5 %. Student's alone, without regard to the tail, misses in 3.0 % above and in 7.6 % below.
    assert 0.035 <= sum(one.upper < 0.5 for one in known) / trials <= 0.065
    assert 0.035 <= sum(one.lower > 0.5 for one in known) / trials <= 0.065
    assert all((one.p < ALPHA) == (one.upper < 0.5) for one in known)


@pytest.mark.parametrize(
    ("cost", "expected"),
    [(0.6, Verdict.CONFIRMED), (0.4, Verdict.FINE), (0.5, Verdict.FINE)],
    ids=["below", "above", "at the floor"],
)
def test_where_every_call_costs_the_same_the_margin_is_sure(cost, expected):
    (one,) = judged(one_group([cost] * EVENTS_MIN), FLOOR)

    assert one.verdict is expected
    assert one.bound.lower == one.bound.upper == pytest.approx(1 - cost)


def test_the_margin_of_calls_that_bring_in_different_sums_is_that_of_all_together():
    (bound,) = bounds(one_group([1, 90] * 100, [10, 100] * 100), 0.5)

    assert bound.lower < 1 - 91 / 110 < bound.upper


def test_too_few_calls_are_watched_and_it_is_said_how_many_are_missing():
    (one,) = judged(one_group([5.0, 6.0] * 20), FLOOR)

    assert (one.verdict, one.bound.more, one.reason) == (Verdict.WATCH, 60, "60 calls more")
    assert one.bound.upper is None


def test_of_a_margin_that_may_be_chance_it_is_said_about_how_many_calls_would_tell():
    costs = bench.costs("exponential", 0.5, 300, np.random.default_rng(7))
    near = costs * 0.51 / costs.mean()

    (one,) = judged(one_group(near), FLOOR)

    assert one.verdict is Verdict.SUSPECT
    # Student's 1.65² times the squared spread of 0.51 over the squared distance of 0.01: some seven thousand.
    assert 5000 < one.bound.more < 9000


def test_a_cost_beyond_all_others_makes_nothing_sure():
    (one,) = judged(one_group([0.1] * 500 + [1000.0]), FLOOR)

    assert one.verdict is Verdict.SUSPECT


def test_no_call_is_no_trouble():
    assert bounds(Grouped((), array("q"), array("d"), array("d")), 0.5) == ()

"""Paths in whole credits and months of a compounding rise: their edges, beside the golden cases."""

from fractions import Fraction
from itertools import pairwise

import pytest

from meter.economics.exact import EconomicsError
from meter.economics.glide.paths import MONTHS_MAX, STUCK, integer_path, months_to


@pytest.mark.parametrize(
    ("start", "target", "pct", "path"),
    [
        pytest.param(7, 7, 20, (7,), id="there already"),
        pytest.param(0, 0, 20, (0,), id="free, and stays so"),
        pytest.param(0, 3, 20, (0, STUCK), id="any share of nothing is nothing"),
        pytest.param(4, 5, 20, (4, STUCK), id="4.8 is not 5"),
        pytest.param(5, 6, 20, (5, 6), id="exactly one credit"),
        pytest.param(4, 5, Fraction(249, 10), (4, STUCK), id="just too little"),
        pytest.param(4, 5, 25, (4, 5), id="just enough"),
        pytest.param(10**15, 10**15 + 1, 20, (10**15, 10**15 + 1), id="huge, and a step"),
        pytest.param(1, 8, 100, (1, 2, 4, 8), id="doubled each month"),
    ],
)
def test_a_path_of_whole_credits_rises_as_far_as_it_may(start, target, pct, path):
    assert integer_path(start, target, pct) == path


@pytest.mark.parametrize(("start", "target", "pct"), [(10, 5000, 10), (37, 10**18, 20), (100, 100_000, 1)])
def test_no_step_of_a_path_is_above_the_rise_and_each_is_as_far_as_it_goes(start, target, pct):
    path = integer_path(start, target, pct)

    assert path[-1] == target
    for before, after in pairwise(path):
        assert after * 100 <= before * (100 + pct)
        assert after == target or (after + 1) * 100 > before * (100 + pct)


def test_months_are_counted_without_a_float():
    """(6/5)²⁰⁰ is hit exactly, and a grain above it takes a month more: no double can tell them apart."""
    exactly = Fraction(6, 5) ** 200

    assert months_to(exactly, 20) == 200
    assert months_to(exactly + Fraction(1, 5**200), 20) == 201


@pytest.mark.parametrize("ratio", [0, Fraction(1, 2), 1])
def test_who_is_there_needs_no_month(ratio):
    assert months_to(ratio, 20) == 0


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        pytest.param(lambda: integer_path(10, 9, 20), "The target of 9 credits is below the 10", id="downwards"),
        pytest.param(lambda: integer_path(-1, 9, 20), "-1 credits is negative", id="negative"),
        pytest.param(lambda: integer_path(1, 9, 0), "A rise of 0 % a month leads nowhere", id="no rise"),
        pytest.param(lambda: integer_path(1, 9, -5), "A rise of -5 %", id="a fall"),
        pytest.param(lambda: months_to(2, 0), "A rise of 0 %", id="months without a rise"),
        pytest.param(lambda: months_to(10**9, Fraction(1, 10)), "more than 12000 months", id="too slow to count"),
        pytest.param(lambda: integer_path(10**6, 10**18, Fraction(1, 10**4)), "more than 12000", id="too slow to walk"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(refused, said):
    with pytest.raises(EconomicsError, match=said):
        refused()


def test_a_path_as_long_as_may_be_is_walked():
    assert months_to((1 + Fraction(1, 10**3)) ** MONTHS_MAX, Fraction(1, 10)) == MONTHS_MAX

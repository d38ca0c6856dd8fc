"""Percents that add up: the article's dashboard shows 38, 46 and 15, which is 99."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.economics.exact import EconomicsError
from meter.economics.shares import percent_largest_remainder

PARTS = st.lists(st.fractions(min_value=0, max_value=10**12, max_denominator=10**6), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("parts", "digits", "percents"),
    [
        pytest.param((12450, 15000, 5000), 0, ("38", "46", "16"), id="the article's dashboard"),
        pytest.param((1, 1, 1), 0, ("34", "33", "33"), id="of equals, the first is lifted"),
        pytest.param((1, 1, 1), 2, ("33.34", "33.33", "33.33"), id="with digits"),
        pytest.param((1, 0, 1, 1, 0), 0, ("34", "0", "33", "33", "0"), id="nothing stays at nothing"),
        pytest.param((0, 0), 1, ("0", "0"), id="nothing at all"),
        pytest.param((), 0, (), id="no part"),
        pytest.param((7,), 3, ("100",), id="one part is the whole"),
        pytest.param((10**30, 1), 0, ("100", "0"), id="a tiny part beside a huge one"),
    ],
)
def test_percents_are_rounded_by_largest_remainder(parts, digits, percents):
    assert percent_largest_remainder(parts, digits) == tuple(map(Fraction, percents))


@settings(max_examples=40, deadline=None)
@given(PARTS.filter(any), st.integers(0, 6))
def test_they_come_to_exactly_100_and_none_is_a_whole_step_off(parts, digits):
    percents = percent_largest_remainder(parts, digits)
    total, step = sum(parts), Fraction(1, 10**digits)

    assert sum(percents) == 100
    assert all(abs(shown - part * 100 / total) < step for shown, part in zip(percents, parts, strict=True))
    assert all((shown / step).denominator == 1 for shown in percents)


@settings(max_examples=40, deadline=None)
@given(PARTS.filter(any), st.integers(0, 3))
def test_a_larger_part_never_shows_a_smaller_percent(parts, digits):
    percents = percent_largest_remainder(parts, digits)
    in_order = sorted(zip(parts, percents, strict=True))

    assert [shown for _, shown in in_order] == sorted(shown for _, shown in in_order)


@pytest.mark.parametrize(("parts", "digits", "value"), [((5, -1), 0, "-1"), ((1,), -1, "-1"), ((1,), 19, "19")])
def test_what_can_be_no_part_is_refused_with_its_value(parts, digits, value):
    with pytest.raises(EconomicsError, match=value):
        percent_largest_remainder(parts, digits)

"""Remembered quotes are those that would be made again."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.credits import Credits
from meter.pricing.conditions import CALM, Conditions, LoadReading
from meter.pricing.quote import QUOTES_MAX, Pricer, price
from tests.pricing.make import ALL_THREE, BUSY, NOON, operation, rated

IMAGE = operation("image", "100", adjustments=ALL_THREE)
LISTED = operation("list", rated("1", {"query.limit": "0.01"}, "100"), adjustments=ALL_THREE)
CONDITIONS = Conditions(moment=NOON)


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(CONDITIONS, id="the same conditions"),
        pytest.param(replace(CONDITIONS, moment=NOON + timedelta(seconds=59)), id="the same minute"),
        pytest.param(replace(CONDITIONS, load=LoadReading()), id="an equal load"),
    ],
)
def test_a_quote_is_made_once_for_equal_conditions(same):
    pricer = Pricer("v1")

    first, second = pricer.price(IMAGE, CONDITIONS), pricer.price(IMAGE, same)

    assert first is second


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(CONDITIONS, moment=NOON + timedelta(hours=15)), id="another minute"),
        pytest.param(replace(CONDITIONS, load=BUSY), id="another load"),
        pytest.param(replace(CONDITIONS, drill=True), id="a drill"),
        pytest.param(replace(CONDITIONS, commitment=Credits(10**12)), id="another commitment"),
    ],
)
def test_other_conditions_have_a_quote_of_their_own(other):
    pricer = Pricer("v1")

    quotes = pricer.price(IMAGE, CONDITIONS), pricer.price(IMAGE, other)

    assert quotes == (price(IMAGE, CONDITIONS, "v1"), price(IMAGE, other, "v1"))


CONDITION = st.builds(
    Conditions,
    moment=st.sampled_from(
        [NOON, NOON + timedelta(minutes=1), NOON + timedelta(hours=15), NOON + timedelta(seconds=9)]
    ),
    load=st.sampled_from([CALM, BUSY, replace(BUSY, sample=Fraction(2)), replace(CALM, drill=True)]),
    commitment=st.sampled_from([Credits(0), Credits(10**11), Credits(10**12)]),
    drill=st.booleans(),
)
USAGE = st.sampled_from([None, {}, {"query.limit": None}, {"query.limit": Fraction(250)}, {"query.limit": Fraction(7)}])


@given(st.lists(st.tuples(st.sampled_from([IMAGE, LISTED]), CONDITION, USAGE), max_size=20))
def test_whatever_was_asked_before_the_quote_is_the_one_that_price_makes(asked):
    pricer = Pricer("v1")

    for one, conditions, usage in asked:
        assert pricer.price(one, conditions, usage) == price(one, conditions, "v1", usage)


def test_no_number_of_usages_is_remembered_without_end():
    pricer = Pricer("v1")

    for units in range(QUOTES_MAX + 10):
        pricer.price(LISTED, CONDITIONS, {"query.limit": Fraction(units)})

    assert len(pricer._quotes) <= QUOTES_MAX

"""What a plan earns, as it is used."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.economics.bundles.margin import net_per_base_credit, plan_margin, utilisation_for_target
from meter.economics.exact import EconomicsError

MONEY = st.fractions(min_value=Fraction(1, 100), max_value=10_000, max_denominator=100)
CREDITS = st.integers(1, 10**7).map(Fraction)
COST = st.fractions(min_value=Fraction(1, 10**6), max_value=1, max_denominator=10**6)
TARGET = st.fractions(min_value=0, max_value=Fraction(99, 100), max_denominator=100)


@given(price=MONEY, included=CREDITS, cost=COST, target=TARGET)
def test_at_the_utilisation_for_the_target_the_margin_is_exactly_the_target(price, included, cost, target):
    reached = utilisation_for_target(price, included, cost, target)

    assert plan_margin(price, included, cost, reached) == target


def test_the_articles_starter_is_below_its_alarm_of_a_half_when_all_is_used():
    starter = plan_margin(Fraction(29), Fraction(50_000), Fraction(3, 10_000), Fraction(1))

    assert starter == Fraction(14, 29)
    assert starter < Fraction(1, 2)


def test_credits_that_cost_nothing_reach_the_target_at_any_use():
    assert utilisation_for_target(Fraction(29), Fraction(50_000), Fraction(0), Fraction(7, 10)) is None
    assert plan_margin(Fraction(29), Fraction(50_000), Fraction(0), Fraction(1)) == 1


def test_discounts_that_meet_multiply():
    net = net_per_base_credit(Fraction(99), Fraction(250_000), [Fraction(4, 5), Fraction(7, 10)], Fraction(3, 10_000))

    assert net.net == Fraction(693, 3_125_000)
    assert net.margin == Fraction(-163, 462)


def test_what_is_free_at_night_brings_nothing_in_and_divides_nothing_by_zero():
    net = net_per_base_credit(Fraction(99), Fraction(250_000), [Fraction(0)], Fraction(3, 10_000))

    assert (net.net, net.margin) == (0, None)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ((0, 50_000, 0, 1), "A price of 0 has no margin"),
        ((-29, 50_000, 0, 1), "The price -29 is less than 0"),
        ((29, 50_000, Fraction(-1, 2), 1), "The cost -0.5 is less than 0"),
        ((29, 50_000, 0, -1), "The utilisation -1 is less than 0"),
    ],
    ids=["no price", "negative price", "negative cost", "negative utilisation"],
)
def test_numbers_that_cannot_be_are_refused_with_the_value(numbers, sentence):
    with pytest.raises(EconomicsError, match=sentence):
        plan_margin(*map(Fraction, numbers))


def test_a_target_that_no_price_reaches_is_refused():
    with pytest.raises(EconomicsError, match=r"A margin of 1 is not below 1"):
        utilisation_for_target(Fraction(29), Fraction(1), Fraction(1), Fraction(1))

"""Three ways to say how many credits a plan should include."""

from fractions import Fraction

import pytest

from meter.economics.bundles.methods import (
    Basket,
    Competitor,
    credits_at_target,
    method1,
    method2,
    parity,
    per_thousand,
    quantile,
)
from meter.economics.bundles.use import collected
from meter.economics.exact import EconomicsError


def test_the_articles_75_percent_buffer_is_50_750_credits_and_what_it_includes_is_42_percent_off_list():
    multiple = method1(Fraction(29), Fraction(1, 1000), Fraction(3, 4))

    assert multiple.buffered == 50_750
    assert 1 - Fraction(29, 50_000) / Fraction(1, 1000) == Fraction(42, 100)


@pytest.mark.parametrize(("days", "used"), [(28, 42_000), (29, 43_500), (30, 45_000), (31, 46_500)])
def test_a_use_case_depends_on_the_days_of_the_month(days, used):
    assert method2(Fraction(100), Fraction(15), days) == used


def test_a_few_heavy_accounts_move_the_mean_and_not_the_median():
    """An anchor on the mean would include for one account in ten what nine never use."""
    use = collected([("starter", Fraction(1000))] * 9 + [("starter", Fraction(91_000))])
    anchor = use.anchor("starter", Fraction(5000), Fraction(9, 10))

    assert anchor.mean == 10_000
    assert anchor.credits == 1000
    assert anchor.covered == Fraction(9, 10)


@pytest.mark.parametrize(
    ("share", "value"),
    [("0.1", 1), ("0.5", 2), ("0.500001", 3), ("0.75", 3), ("0.9", 4), ("1", 4)],
)
def test_a_quantile_is_always_a_value_that_was_observed(share, value):
    assert quantile([Fraction(4), Fraction(2), Fraction(1), Fraction(3)], Fraction(share)) == value


@pytest.mark.parametrize("share", [0, Fraction(11, 10), -1])
def test_a_quantile_outside_its_range_is_refused(share):
    with pytest.raises(EconomicsError, match=r"is not above 0 and at most 1"):
        quantile([Fraction(1)], Fraction(share))


def test_no_observed_use_has_no_quantile_and_no_anchor():
    with pytest.raises(EconomicsError, match="no observed use"):
        quantile([], Fraction(1, 2))

    assert collected([("pro", Fraction(5))]).anchor("starter", Fraction(1), Fraction(1, 2)) is None


def test_use_without_plans_stands_for_all_plans_and_says_so():
    anchor = collected([(None, Fraction(5))]).anchor("starter", Fraction(1), Fraction(1, 2))

    assert anchor.everyone
    assert anchor.credits == 5


def test_offers_are_compared_in_calls_since_credits_have_different_sizes():
    """40 000 credits at 25 beat 50 000 at 29 a thousand calls when a call takes fewer of them."""
    small = Basket({"read": Fraction(1)})
    ours, theirs = small.per_call({"read": Fraction(5)}), small.per_call({"read": Fraction(4)})
    by_credits = per_thousand([(40_000, 25), (50_000, 29)])
    by_calls = per_thousand([(40_000 / theirs, 25), (50_000 / ours, 29)])

    assert by_credits[0] > by_credits[1]
    assert by_calls[0] < by_calls[1]


def test_parity_makes_a_call_as_dear_as_the_competitors():
    competitor = Competitor(name="A", price=Fraction(25), calls=Fraction(10_000))
    met = parity(Fraction(29), Fraction(5), competitor)

    assert per_thousand([(met / 5, 29)]) == (competitor.per_thousand_calls,)


@pytest.mark.parametrize(
    ("volumes", "prices", "sentence"),
    [
        ({"read": 1}, {}, "read of the basket has no price"),
        ({}, {}, "costs no credits"),
        ({"read": 1}, {"read": 0}, "costs no credits"),
    ],
    ids=["no price", "empty", "free"],
)
def test_a_basket_that_can_not_be_priced_is_refused(volumes, prices, sentence):
    basket = Basket({name: Fraction(volume) for name, volume in volumes.items()})
    with pytest.raises(EconomicsError, match=sentence):
        basket.per_call({name: Fraction(price) for name, price in prices.items()})


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: method1(Fraction(29), Fraction(0)), "list price of 0"),
        (lambda: method1(Fraction(-29), Fraction(1)), "The price -29"),
        (lambda: method2(Fraction(-1), Fraction(15), 30), "The ops_per_day -1"),
        (lambda: per_thousand([(0, 25)]), "An offer of 0"),
        (lambda: per_thousand([(5, -25)]), "The price -25"),
        (lambda: parity(Fraction(1), Fraction(1), Competitor(name="A", price=Fraction(0), calls=Fraction(1))), "A ch"),
    ],
)
def test_numbers_that_cannot_be_are_refused(ask, sentence):
    with pytest.raises(EconomicsError, match=sentence):
        ask()


def test_credits_at_the_target_earn_it_even_if_all_are_used():
    assert credits_at_target(Fraction(29), Fraction(3, 10_000), Fraction(7, 10)) == 29_000
    assert credits_at_target(Fraction(29), Fraction(0), Fraction(7, 10)) is None

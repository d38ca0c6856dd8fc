"""Where plans leak. Each hole is held against a search through all uses."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.economics.bundles.holes import breakeven, breakevens, cliffs, farms, stacks
from meter.economics.bundles.offer import Offer
from meter.economics.exact import EconomicsError

SHARES = st.sampled_from([Fraction(number, 10) for number in range(1, 11)])
TIERS = st.dictionaries(st.integers(1, 120), SHARES, min_size=1, max_size=4).map(lambda tiers: sorted(tiers.items()))


def offer(name: str, price: int, credits: int, **more: Fraction) -> Offer:  # noqa: A002
    return Offer(name=name, price=Fraction(price), credits=Fraction(credits), **more)


STARTER = offer("starter", 29, 50_000, overage=Fraction(1, 1000))
PRO = offer("pro", 99, 250_000)


def total(tiers, used):
    """What a use costs, in credits, whose tier holds for its whole volume."""
    factors = [multiply for threshold, multiply in tiers if threshold <= used]
    return used * (factors[-1] if factors else 1)


@given(tiers=TIERS)
def test_a_use_is_in_a_cliff_exactly_if_committing_to_the_threshold_costs_less(tiers):
    found = list(cliffs([(Fraction(threshold), multiply) for threshold, multiply in tiers]))
    for threshold, multiply in tiers:
        for halves in range(2 * threshold):
            used = Fraction(halves, 2)
            inside = any(
                one.threshold == threshold and (one.above < used < one.below or (one.first and used == one.above))
                for one in found
            )

            assert inside == (total(tiers, used) > threshold * multiply)


def test_the_articles_commitments_have_a_cliff_below_each_threshold():
    first, second = cliffs([(Fraction(100_000), Fraction(4, 5)), (Fraction(1_000_000), Fraction(3, 5))])

    assert (first.above, first.below, first.dearest) == (80_000, 100_000, 20_000)
    assert (second.above, second.below, second.dearest) == (750_000, 1_000_000, 200_000)


def test_a_cliff_that_reaches_over_tiers_is_one_and_names_what_its_dearest_use_costs_more():
    """Below 110 at × 0.1, which is 11, lie 100 at × 1 and 110 at × 0.8."""
    *_, last = found = list(cliffs([(Fraction(100), Fraction(4, 5)), (Fraction(110), Fraction(1, 10))]))

    assert len(found) == 2
    assert (last.above, last.below, last.first, last.dearest) == (11, 110, False, 89)


def test_the_dearest_use_of_a_cliff_may_lie_in_any_tier_below():
    *_, last = cliffs([(Fraction(100), Fraction(4, 5)), (Fraction(1000), Fraction(1, 100))])

    assert (last.above, last.below, last.dearest) == (10, 1000, 790)


def test_tiers_without_a_discount_have_no_cliff():
    assert list(cliffs([(Fraction(100), Fraction(1)), (Fraction(200), Fraction(1))])) == []
    assert list(cliffs([])) == []


def test_a_second_starter_beats_overage_before_pro_does():
    second, pro = breakevens([STARTER, PRO])

    assert (second.second, second.credits, second.pays) == (True, 79_000, True)
    assert (pro.other, pro.credits, pro.pays) == ("pro", 120_000, True)


@given(overage=st.integers(1, 40), price=st.integers(1, 40), included=st.integers(1, 40))
def test_a_second_account_pays_exactly_if_some_use_is_cheaper_with_it(overage, price, included):
    plan = offer("plan", price, included, overage=Fraction(overage, 10))
    (found,) = breakevens([plan])
    uses = [Fraction(quarters, 4) for quarters in range(4 * included, 8 * included + 1)]
    cheaper = [used for used in uses if 2 * price < price + (used - included) * plan.overage]

    assert found.pays == bool(cheaper)
    assert all(used > found.credits for used in cheaper)


def test_a_small_account_beside_a_big_one_beats_its_overage_sooner_than_a_second_big_one():
    big = offer("pro", 99, 250_000, overage=Fraction(1, 1000))
    beside = [one for one in breakevens([STARTER, big]) if one.plan == "pro"]

    assert [(one.other, one.second, one.credits) for one in beside] == [
        ("starter", True, 279_000),
        ("pro", True, 349_000),
    ]


def test_a_plan_that_no_use_makes_cheaper_than_overage_never_pays():
    (_, bigger) = breakevens([STARTER, offer("pro", 300, 250_000)])

    assert bigger.credits == 321_000
    assert not bigger.pays


def test_a_discounted_plan_breaks_even_at_more_work():
    """With 20 % off all prices its credits and its overage buy more."""
    plan = offer("plan", 10, 800, overage=Fraction(1, 100), standing=Fraction(4, 5))
    (found,) = breakevens([plan])

    assert found.credits == 1000 + 1250


def test_overage_that_costs_nothing_is_refused():
    with pytest.raises(EconomicsError, match="Overage at 0 a credit"):
        breakeven(Fraction(29), Fraction(50_000), Fraction(99), Fraction(0))


def test_free_accounts_stand_in_for_a_plan_and_their_number_is_rounded_up():
    (farm,) = farms([offer("free", 0, 1500)], [STARTER], Fraction(3, 10_000), Fraction(10))

    assert (farm.accounts, farm.cost, farm.saved, farm.calls) == (34, 15, 29, 5000)


def test_a_stack_of_small_plans_that_undercuts_a_big_one_is_found_with_what_fills_it_up():
    small, tiny = offer("small", 10, 100), offer("tiny", 1, 5)
    (stack,) = stacks([tiny, small, offer("big", 30, 205)])

    assert stack.pieces == (("small", 2), ("tiny", 1))
    assert stack.price == 21


def test_a_cheaper_plan_that_includes_more_undercuts_alone():
    (stack,) = stacks([offer("big", 30, 100), offer("small", 10, 100)])

    assert stack.pieces == (("small", 1),)


def test_plans_that_cost_less_a_credit_as_they_grow_are_not_undercut():
    assert list(stacks([STARTER, PRO])) == []


@given(
    prices=st.lists(st.integers(1, 30), min_size=2, max_size=4, unique=True),
    credits=st.lists(st.integers(1, 30), min_size=4, max_size=4),
)
def test_a_stack_that_is_named_really_includes_as_much_for_less(prices, credits):  # noqa: A002
    offers = [offer(str(number), price, credits[number]) for number, price in enumerate(prices)]
    named = {one.name: one for one in offers}
    for stack in stacks(offers):
        assert sum(named[name].credits * number for name, number in stack.pieces) >= named[stack.big].credits
        assert sum(named[name].price * number for name, number in stack.pieces) == stack.price
        assert stack.price < named[stack.big].price

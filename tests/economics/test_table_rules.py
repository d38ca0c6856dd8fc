"""Ladders, friendly rounding, and prices of credits: exact, and as far as they go."""

from fractions import Fraction
from itertools import islice, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.credits import RoundingMode
from meter.economics.exact import EconomicsError
from meter.economics.table.ladders import LADDERS, ladder, own
from meter.economics.table.margins import Loss, margin, price_from_margin
from meter.economics.table.prices import (
    blended_cost,
    check_blended,
    discount_milli,
    head_price,
    lerner,
    min_price,
    price_quantity,
)
from meter.economics.table.rounding import Mode, mode_of, round_friendly
from meter.economics.table.units import apply_value, normalise, required_credits

COSTS = [Fraction(text) for text in ("0.0002", "0.0008", "0.015", "0.04", "0.5")]
CREDITS = [1, 5, 100, 250, 2500]

ROUND_PRICES = [digit * Fraction(10) ** power for power in range(-15, 20) for digit in (1, 2, 5)]

amounts = st.fractions(min_value=Fraction(1, 10**6), max_value=10**12, max_denominator=10**6)
targets = st.fractions(min_value=0, max_value=Fraction(99, 100), max_denominator=100)
ladders = st.sampled_from(list(LADDERS.values()))
few = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("article", "1 5 10 25 50 100 250 500 1000 2500 5000 10000 25000"),
        ("1-5-10", "1 5 10 50 100 500"),
        ("1-2-5", "1 2 5 10 20 50 100"),
        ("E3", "1 2.2 4.7 10 22 47 100 220"),
        ("E6", "1 1.5 2.2 3.3 4.7 6.8 10 15 22"),
        ("E12", "1 1.2 1.5 1.8 2.2 2.7 3.3 3.9 4.7 5.6 6.8 8.2 10 12"),
        ("1,3,10", "1 3 10 30 100 300"),
        ("0.5 1 5", "0.5 1 5 10 50 100"),
    ],
)
def test_a_ladder_goes_on_decade_after_decade(name, steps):
    wanted = [Fraction(step) for step in steps.split()]

    assert list(islice(ladder(name), len(wanted))) == wanted


def test_a_ladder_that_closes_no_decade_ends():
    assert list(ladder("1,4,9")) == [1, 4, 9]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("artikel", "'artikel' is no ladder; did you mean 'article'?"),
        ("E96", "'E96' is no ladder; did you mean 'E6'?"),
        ("zzz", "'zzz' is no ladder; write one of article, 1-5-10, 1-2-5, E3, E6, E12, E24."),
        (",", "A ladder without a step rounds nothing; write numbers such as 1,3,10."),
        ("0,1", "0 is no step; a ladder starts above 0."),
        ("-1,2", "-1 is no step; a ladder starts above 0."),
        ("1,5,5", "5 stands after 5; let the steps rise."),
        ("10,5", "5 stands after 10; let the steps rise."),
        ("1,1.2.3", "'1.2.3' is not a number; write it in digits, such as 0.0002."),
    ],
)
def test_what_is_no_ladder_is_refused(written, sentence):
    with pytest.raises(EconomicsError) as refused:
        ladder(written)

    assert str(refused.value) == sentence


def test_an_unknown_rounding_is_refused_with_the_closest():
    with pytest.raises(EconomicsError, match=r"'nearest-log' is no rounding; did you mean 'nearest_log'\?"):
        mode_of("nearest-log")


@pytest.mark.parametrize(
    ("value", "steps", "mode", "rounded"),
    [
        pytest.param(2, [1, 4], Mode.NEAREST_LOG, 4, id="a tie of ratios goes up"),
        pytest.param(Fraction(2) - Fraction(1, 10**40), [1, 4], Mode.NEAREST_LOG, 1, id="no float would see this"),
        pytest.param(3, [1, 5], Mode.NEAREST_LINEAR, 5, id="a tie of differences goes up"),
        pytest.param(Fraction(299, 100), [1, 5], Mode.NEAREST_LINEAR, 1, id="below the middle"),
        pytest.param(Fraction(299, 100), [1, 5], Mode.NEAREST_LOG, 5, id="nearer by ratio, farther by difference"),
        pytest.param(0, [1, 5], Mode.NEAREST_LOG, 1, id="nothing becomes the first step"),
        pytest.param(Fraction(1, 10**9), [1, 5], Mode.NEAREST_LINEAR, 1, id="below the first step, up to it"),
        pytest.param(5, [1, 5], Mode.CEIL, 5, id="a step stays"),
        pytest.param(10**40 + 1, LADDERS["1-2-5"], Mode.CEIL, 2 * 10**40, id="as far up as needed"),
        pytest.param(11, [1, 5, 10], Mode.CEIL, 50, id="steps that close a decade go on"),
    ],
)
def test_a_value_becomes_a_step(value, steps, mode, rounded):
    assert round_friendly([value], steps, mode) == (rounded,)


@pytest.mark.parametrize("mode", Mode)
def test_a_value_above_a_ladder_that_ends_is_refused(mode):
    with pytest.raises(EconomicsError, match="10 is above 9, where the ladder your own ends; add steps"):
        round_friendly([10], [1, 4, 9], mode)


def test_a_negative_value_is_refused():
    with pytest.raises(EconomicsError, match="-1 is less than nothing"):
        round_friendly([-1], [1, 5])


@few
@given(value=amounts, steps=ladders)
def test_no_other_step_is_nearer_by_ratio(value, steps):
    (chosen,) = round_friendly([value], steps, Mode.NEAREST_LOG)
    below_ten_times = takewhile(lambda step: step <= 10 * max(value, 1), steps)

    assert all(_apart(chosen, value) <= _apart(step, value) for step in below_ten_times)


def _apart(step, value):
    """A ratio of at least one, in the order of the distances of logarithms."""
    return max(step / value, value / step)


@few
@given(value=amounts, steps=ladders)
def test_ceil_is_the_lowest_step_that_is_not_below(value, steps):
    (chosen,) = round_friendly([value], steps, Mode.CEIL)

    assert chosen >= value
    assert not any(value <= step < chosen for step in takewhile(lambda step: step < chosen, steps))


@few
@given(cost=amounts, price=amounts, target=targets, steps=ladders)
def test_the_step_that_is_safe_reaches_the_target_and_the_one_below_does_not(cost, price, target, steps):
    (safe,) = round_friendly(required_credits([cost], price, target), steps, Mode.MARGIN_SAFE)
    lower = list(takewhile(lambda step: step < safe, steps))[-1:]

    assert margin(safe, price, cost).ratio >= target
    assert all(margin(step, price, cost).ratio < target for step in lower)


@few
@given(costs=st.lists(amounts, min_size=1, max_size=5), target=targets, data=st.data())
def test_the_price_reaches_the_target_for_all_and_nothing_rounder_below_does(costs, target, data):
    credits_each = data.draw(st.lists(st.sampled_from(CREDITS), min_size=len(costs), max_size=len(costs)))
    least = min_price(costs, credits_each, target)
    price = head_price(least)

    assert all(margin(each, price, cost).ratio >= target for each, cost in zip(credits_each, costs, strict=True))
    assert min(round_price for round_price in ROUND_PRICES if round_price >= least) == price


@few
@given(mix=st.lists(st.integers(0, 10**6), min_size=5, max_size=5).filter(any))
def test_every_mix_has_a_blended_cost_inside_the_possible_range(mix):
    blended = blended_cost(COSTS, CREDITS, mix)

    assert check_blended(blended, COSTS, CREDITS) == blended


def test_the_articles_blended_cost_is_none_of_its_operations():
    with pytest.raises(EconomicsError) as refused:
        check_blended(Fraction("0.0003"), COSTS, CREDITS)

    assert str(refused.value) == (
        "No mix of these operations makes a credit cost 0.0003: they cost from 0.00015 to 0.0002 a credit; correct it, "
        "or give the calls of each as volume."
    )


def test_free_calls_make_a_blended_cost_as_high_as_one_likes_but_not_as_low():
    free = [0, *CREDITS[1:]]

    assert check_blended(Fraction(7), COSTS, free) == 7
    with pytest.raises(EconomicsError, match=r"from 0\.00015 to more a credit"):
        check_blended(Fraction("0.0001"), COSTS, free)


@pytest.mark.parametrize(
    ("least", "head", "quantity"),
    [
        ("1/1500", "0.001", 1000),
        ("0.001", "0.001", 1000),
        ("0.0010000001", "0.002", 1000),
        ("0.0021", "0.005", 1000),
        ("0.0051", "0.01", 1),
        ("3", "5", 1),
        ("1000000007", "2000000000", 1),
        ("0.0000001", "0.0000001", 10**6),
    ],
)
def test_a_price_is_rounded_up_to_what_a_head_can_multiply(least, head, quantity):
    price = head_price(Fraction(least))

    assert price == Fraction(head)
    assert price_quantity(price) == quantity


def test_a_free_call_divides_nothing_by_zero():
    assert margin(Fraction(0), Fraction("0.001"), Fraction("0.0002")).ratio is Loss.WITHOUT_REVENUE
    assert margin(Fraction(0), Fraction("0.001"), Fraction(0)).ratio is None


@pytest.mark.parametrize(
    ("factor", "step", "mode", "milli"),
    [
        (Fraction(1, 3), "0.001", RoundingMode.HALF_UP, 333),
        (Fraction(2, 3), "0.001", RoundingMode.HALF_UP, 667),
        (Fraction(2, 3), "0.001", RoundingMode.FLOOR, 666),
        (Fraction("0.0005"), "0.001", RoundingMode.HALF_UP, 1),
        (Fraction("0.0005"), "0.001", RoundingMode.HALF_EVEN, 0),
        (Fraction("0.7"), "1", RoundingMode.FLOOR, 0),
        (Fraction("0.12345"), "0.00001", RoundingMode.CEIL, Fraction("123.45")),
    ],
)
def test_a_discount_is_rounded_once_as_declared(factor, step, mode, milli):
    assert discount_milli(Fraction(1), factor, step=Fraction(step), mode=mode) == milli


def test_the_target_lifts_a_price_of_most_profit_that_is_below_it():
    assert lerner(Fraction(3), Fraction(2), Fraction(7, 10)) == 10
    assert lerner(Fraction(3), Fraction(11, 10), Fraction(7, 10)) == 33


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (lambda: normalise(COSTS, 5), "There is no operation 5 among 5"),
        (lambda: normalise([Fraction(0), Fraction(1)], 0), "The base costs 0"),
        (lambda: normalise([Fraction(1), Fraction(-1)], 0), "A cost of -1 is less than 0"),
        (lambda: apply_value([Fraction(1)], [Fraction(-2)]), "A value of -2 is less than 0"),
        (lambda: apply_value([Fraction(1)], []), "There are 0 value multipliers for 1 operations"),
        (lambda: required_credits(COSTS, Fraction(0), Fraction(0)), "0 is no price of a credit"),
        (lambda: price_from_margin(Fraction(1), Fraction(1)), "A margin of 1 can't be aimed at"),
        (lambda: price_from_margin(Fraction(1), Fraction(-1, 10)), "A margin of -0.1 can't be aimed at"),
        (lambda: min_price(COSTS, [0] * 5, Fraction(0)), "Every operation is free"),
        (lambda: blended_cost(COSTS, CREDITS, [0] * 5), "The mix spends 0 credits"),
        (lambda: blended_cost(COSTS, CREDITS, [1, 1, 1, 1, -1]), "-1 calls are less than none"),
        (lambda: margin(Fraction(-1), Fraction(1), Fraction(1)), "-1 is less than 0; no call is paid for"),
        (lambda: lerner(Fraction(1), Fraction(1)), "At an elasticity of 1 a higher price always earns more"),
        (lambda: head_price(Fraction(0)), "0 is no price of a credit"),
        (lambda: discount_milli(Fraction(1), Fraction(-1)), "-1 is less than 0; no price comes of it"),
        (lambda: discount_milli(Fraction(1), Fraction(1), step=Fraction(0)), "0 is no step"),
    ],
)
def test_numbers_that_cannot_be_are_refused_with_the_value(refused, sentence):
    with pytest.raises(EconomicsError) as error:
        refused()

    assert str(error.value).startswith(sentence)


def test_a_ladder_of_ones_own_may_start_below_one():
    assert round_friendly([Fraction(1, 100)], own([Fraction(1, 2), 1])) == (Fraction(1, 2),)

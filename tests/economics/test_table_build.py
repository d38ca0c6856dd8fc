"""A table built without a price reaches its margin, and no rounder price below does."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from meter.economics.table.build import Choices, Profile, build
from meter.economics.table.findings import findings
from meter.economics.table.ladders import LADDERS
from meter.economics.table.prices import head_price
from meter.economics.table.rounding import Mode

costs = st.fractions(min_value=Fraction(1, 10**6), max_value=10**4, max_denominator=10**6)
values = st.fractions(min_value=Fraction(1, 10), max_value=10, max_denominator=10)
volumes = st.one_of(
    st.none(),
    st.lists(st.integers(1, 10**6), min_size=6, max_size=6),
)
choices = st.builds(
    Choices,
    target=st.fractions(min_value=0, max_value=Fraction(95, 100), max_denominator=100),
    ladder=st.sampled_from(list(LADDERS.values())),
    mode=st.sampled_from(list(Mode)),
)
few = settings(max_examples=40, deadline=None)


@st.composite
def profiles(draw):
    calls = draw(volumes)
    pairs = draw(st.lists(st.tuples(costs, values), min_size=1, max_size=6))
    return [
        Profile(operation=f"o{number}", cost=cost, value=value, volume=calls and Fraction(calls[number]))
        for number, (cost, value) in enumerate(pairs)
    ]


@few
@given(profiles=profiles(), choices=choices)
def test_the_derived_price_reaches_the_margin(profiles, choices):
    table = build(profiles, choices)

    if table.mixed:
        assert table.mix_margin >= choices.target
    else:
        assert [one for one in findings(table) if one.misses] == []


@few
@given(profiles=profiles(), choices=choices.filter(lambda one: one.mode is not Mode.MARGIN_SAFE))
def test_the_next_round_price_below_misses_it(profiles, choices):
    price = build(profiles, choices).price
    below = next(lower for lower in (price / 2, price * 2 / 5) if head_price(lower) == lower)

    assert any(one.misses for one in findings(build(profiles, replace(choices, price=below))))


@few
@given(profiles=profiles(), choices=choices)
def test_every_distortion_and_its_money_lead_back_to_the_value(profiles, choices):
    for line in build(profiles, choices).lines:
        assert line.valued * (1 + line.distortion) == line.credits
        assert line.valued * line.price + line.rounding_money == line.credits * line.price

"""Lines in whole numbers: what they say is what the reckoning says, or they say nothing."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.credits import LIMIT, AmountError, Credits, Rounding, RoundingMode
from meter.economics.replay.lines import prices, units
from meter.pricing.conditions import Factor
from meter.pricing.reckoning import Reckoning, Use

AMOUNTS = st.integers(0, 10**9) | st.integers(0, LIMIT)
SHARES = st.fractions(0, 3, max_denominator=1000)
UNITS = st.lists(st.fractions(0, 10**6, max_denominator=12) | st.just(Fraction(10**15)), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(
    base=AMOUNTS,
    at_most=st.none() | AMOUNTS,
    maximum=st.none() | AMOUNTS,
    rate=st.fractions(0, 10**6, max_denominator=97),
    factors=st.lists(SHARES, max_size=4),
    mode=st.sampled_from(RoundingMode),
    step=st.sampled_from([1, 5, 1000, 10**6]),
    minimum=st.sampled_from([0, 1, 10**6]),
    used=UNITS,
)
def test_a_line_says_what_the_reckoning_says_or_nothing(  # noqa: PLR0917 - Hypothesis gives each by its name
    base, at_most, maximum, rate, factors, mode, step, minimum, used
):
    reckoning = Reckoning(
        base=Credits(base),
        uses=(Use(meter="tokens", units=None, micro_per_unit=rate),),
        at_most=at_most,
        factors=tuple(Factor(name="f", multiply=one, reason="") for one in factors),
        rounding=Rounding(mode=mode, step=Credits(step), minimum=Credits(minimum)),
        maximum=maximum,
    )
    read = units(used)
    found = None if read is None else prices(reckoning, [read])
    if found is not None:
        assert found.tolist() == [exactly(reckoning, one) for one in used]


def exactly(reckoning, used):
    (use,) = reckoning.uses
    try:
        return replace(reckoning, uses=(replace(use, units=used),)).credits
    except AmountError:
        return None


def test_everyday_prices_fit():
    reckoning = Reckoning(
        base=Credits(1_000_000),
        uses=(Use(meter="tokens", units=None, micro_per_unit=Fraction(12300)),),
        at_most=Credits(10**9),
        factors=tuple(Factor(name="f", multiply=Fraction(one), reason="") for one in ("0.7", "1.5", "0.85", "0.9")),
        rounding=Rounding(mode=RoundingMode.HALF_EVEN, step=Credits(100_000)),
    )
    read = units((Fraction(812), Fraction(10**6)))

    assert prices(reckoning, [read]).tolist() == [exactly(reckoning, 812), exactly(reckoning, 10**6)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (RoundingMode.HALF_UP, [1, 2, 3]),
        (RoundingMode.HALF_EVEN, [0, 2, 2]),
        (RoundingMode.FLOOR, [0, 1, 2]),
        (RoundingMode.CEIL, [1, 2, 3]),
    ],
)
def test_a_half_goes_where_the_mode_says(mode, expected):
    reckoning = Reckoning(
        base=Credits(0),
        uses=(Use(meter="tokens", units=None, micro_per_unit=Fraction(5)),),
        rounding=Rounding(mode=mode, step=Credits(10), minimum=Credits(0)),
    )
    read = units((Fraction(1), Fraction(3), Fraction(5)))

    assert prices(reckoning, [read]).tolist() == [10 * steps for steps in expected]

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.credits import (
    LIMIT,
    MICRO,
    ONE,
    ZERO,
    AmountError,
    Credits,
    Rounding,
    RoundingMode,
    from_micro,
    parse,
    parse_micro,
    rounded,
    text,
)

AMOUNTS = st.integers(0, LIMIT).map(from_micro)


@pytest.mark.parametrize(
    ("written", "micro"),
    [
        pytest.param("0", 0, id="nothing"),
        pytest.param("100", 100_000_000, id="whole"),
        pytest.param("0.5", 500_000, id="a-half"),
        pytest.param("0.000001", 1, id="the-smallest"),
        pytest.param("9007199254.740991", LIMIT, id="the-largest"),
        pytest.param("007.50", 7_500_000, id="zeros-around-it"),
    ],
)
def test_an_amount_is_read_exactly(written, micro):
    assert parse(written) == micro


@pytest.mark.parametrize(
    "written",
    ["", " ", " 5 ", "5\n", "-5", "+5", "nan", "inf", "1e3", "0x10", "1_000", "1,5", ".5", "5.", "1.2.3", "٣", "½"],
)
def test_what_is_no_plain_number_is_refused_with_its_value(written):
    with pytest.raises(AmountError) as caught:
        parse(written)

    assert repr(written) in str(caught.value)


@pytest.mark.parametrize("written", ["0.1234567", "9007199254.740992", "99999999999", "9" * 5000])
def test_an_amount_finer_or_larger_than_the_books_can_hold_is_refused(written):
    with pytest.raises(AmountError):
        parse(written)


@pytest.mark.parametrize("micro", [-1, LIMIT + 1])
def test_micro_credits_out_of_range_are_refused(micro):
    with pytest.raises(AmountError, match=r"0 to 9007199254\.740991 credits"):
        from_micro(micro)


@pytest.mark.parametrize("written", ["", "-1", "1.0", " 1", "1e3", "nan", "9007199254740992", b"\xff", "1" * 17])
def test_the_ledgers_amounts_are_digits_alone(written):
    with pytest.raises(AmountError):
        parse_micro(written)


@given(AMOUNTS)
def test_what_is_written_reads_back_the_same(amount):
    assert parse(text(amount)) == amount


@given(AMOUNTS)
def test_the_ledgers_digits_read_back_the_same(amount):
    assert parse_micro(str(amount).encode()) == amount


@pytest.mark.parametrize(
    ("micro", "written"), [(0, "0"), (1, "0.000001"), (MICRO, "1"), (2_500_000, "2.5"), (LIMIT, "9007199254.740991")]
)
def test_an_amount_is_written_whole_or_with_exact_decimals(micro, written):
    assert text(Credits(micro)) == written


@pytest.mark.parametrize(
    ("mode", "halves"),
    [
        pytest.param(RoundingMode.HALF_UP, [1, 2, 3, 4], id="half-up"),
        pytest.param(RoundingMode.HALF_EVEN, [0, 2, 2, 4], id="half-even"),
        pytest.param(RoundingMode.FLOOR, [0, 1, 2, 3], id="floor"),
        pytest.param(RoundingMode.CEIL, [1, 2, 3, 4], id="ceil"),
    ],
)
def test_each_mode_rounds_the_halves_its_own_way(mode, halves):
    prices = [Fraction(MICRO * odd, 2) for odd in (1, 3, 5, 7)]

    assert [rounded(price, Rounding(mode=mode, minimum=ZERO)) // MICRO for price in prices] == halves


def test_ninety_credits_at_seven_tenths_are_sixty_three():
    assert rounded(90 * MICRO * Fraction("0.7"), Rounding(mode=RoundingMode.FLOOR)) == 63 * MICRO


def test_a_price_below_the_minimum_is_the_minimum():
    assert rounded(Fraction(1), Rounding(mode=RoundingMode.FLOOR)) == ONE


@pytest.mark.parametrize("micro", [Fraction(LIMIT + MICRO), Fraction(-5 * MICRO)])
def test_a_price_out_of_range_is_refused(micro):
    with pytest.raises(AmountError):
        rounded(micro, Rounding(minimum=Credits(-(10**9))))


@given(st.fractions(0, 10**9), st.sampled_from(RoundingMode), st.sampled_from([1, 10, MICRO // 2, MICRO, 5 * MICRO]))
def test_a_rounded_price_is_a_multiple_less_than_a_step_away(cost, mode, step):
    exact = cost * MICRO
    price = rounded(exact, Rounding(mode=mode, step=Credits(step), minimum=ZERO))

    assert price % step == 0
    assert abs(price - exact) < step

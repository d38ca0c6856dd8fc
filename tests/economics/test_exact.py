"""Exact numbers: read as tables hold them, written without a float between."""

from fractions import Fraction

import pytest

from meter.cli.economics.writing import money_text
from meter.economics.exact import EconomicsError, decimal_text, parse, percent_text


@pytest.mark.parametrize(
    ("written", "value"),
    [("12", Fraction(12)), ("-0.5", Fraction(-1, 2)), ("1.5e-05", Fraction(15, 10**6)), ("+3.", None)],
)
def test_a_number_is_read_exactly_or_not_at_all(written, value):
    if value is None:
        with pytest.raises(EconomicsError, match="is not a number"):
            parse(written)
        return
    assert parse(written) == value


@pytest.mark.parametrize("written", ["", "nan", "inf", "1,5", "0x10", "1e999", "1_000", " 1", "٣", "9" * 40])
def test_what_is_no_number_is_refused_with_the_value(written):
    with pytest.raises(EconomicsError) as refused:
        parse(written)

    assert repr(written[:40]) in str(refused.value)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Fraction(1, 1000), "0.001"),
        (Fraction(225, 2), "112.5"),
        (Fraction(2, 3), "0.666666666667"),
        (Fraction(919, 5200000), "0.000176730769231"),
        (Fraction(10**30), "1" + "0" * 30),
        (Fraction(-1, 25), "-0.04"),
        (Fraction(0), "0"),
    ],
)
def test_a_number_is_written_in_decimals(value, written):
    assert decimal_text(value) == written


def test_a_share_is_written_as_percent():
    assert percent_text(Fraction(649, 1000)) == "64.9 %"
    assert percent_text(Fraction(-4)) == "-400.0 %"
    assert percent_text(Fraction(1, 3), 0) == "33 %"


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Fraction(2, 10**4), "$0.0002"),
        (Fraction(1, 1500), "$0.0006667"),
        (Fraction(2469, 2), "$1,234.50"),
        (Fraction(-40), "-$40"),
        (Fraction(0), "$0"),
    ],
)
def test_money_is_written_for_people(money, written):
    assert money_text(money) == written

"""Numbers of JSON are read and written exactly, and what is no plain number is refused before it costs anything."""

from fractions import Fraction

import pytest

from meter.gateway.desk.numbers import exact, fraction, micro


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("0.1", 100_000),
        ("9007199254.740991", 9_007_199_254_740_991),
        ("1e2", 100_000_000),
        ("5E-1", 500_000),
        ("-0", 0),
    ],
)
def test_an_amount_is_read_exactly_as_it_is_written(written, amount):
    assert micro(written.encode()) == amount


@pytest.mark.parametrize(
    "written",
    [
        "",
        "x",
        '"1"',
        "null",
        "true",
        "NaN",
        "Infinity",
        "1e999999",
        "1e-999999",
        "0.0000001",
        "1" * 41,
        "0x10",
        "1_0",
        " 1",
    ],
)
def test_what_is_no_plain_number_is_no_amount(written):
    with pytest.raises(ValueError, match=r"plain number|decimals"):
        micro(written.encode())


@pytest.mark.parametrize(
    ("value", "written"), [("7/10", "0.7"), ("3", "3"), ("1/3", '"1/3"'), ("1/1000000", "0.000001")]
)
def test_a_number_is_written_exactly(value, written):
    assert bytes(exact(Fraction(value))).decode() == written


def test_a_number_of_many_digits_is_whole():
    assert fraction(b"0.30000000000000000000000000000000000001") != fraction(b"0.3")

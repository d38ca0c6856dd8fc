"""What an upstream says of use and price is read strictly, and what is not understood is named."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.credits import AmountError, parse
from meter.gateway.usage_header import BYTES_MAX, METERS_MAX, NOTHING, said


def usage(*values: bytes) -> dict[str, Fraction]:
    return dict(said([(b"credits-usage", value) for value in values]).usage)


@pytest.mark.parametrize(
    ("values", "units"),
    [
        pytest.param([b"tokens=812, seconds=3.5"], {"tokens": 812, "seconds": Fraction(7, 2)}, id="two-meters"),
        pytest.param([b"tokens=812", b"seconds=3.5"], {"tokens": 812, "seconds": Fraction(7, 2)}, id="two-headers"),
        pytest.param([b" \ttokens=1 ,\t, seconds=2,"], {"tokens": 1, "seconds": 2}, id="white-space-and-empty-items"),
        pytest.param([b"tokens=1, tokens=2"], {"tokens": 2}, id="the-last-of-two"),
        pytest.param([b"tokens=1", b"tokens=2"], {"tokens": 2}, id="the-last-of-two-headers"),
        pytest.param([b"tokens=0"], {"tokens": 0}, id="zero"),
        pytest.param([b"tokens=0.000000000001"], {"tokens": Fraction(1, 10**12)}, id="an-exact-decimal"),
        pytest.param([b""], {}, id="nothing"),
    ],
)
def test_use_is_read_by_the_names_of_meters(values: list[bytes], units: dict[str, Fraction]):
    assert usage(*values) == units
    assert said([(b"credits-usage", value) for value in values]).faults == ()


@pytest.mark.parametrize(
    "item",
    [
        b"tokens", b"tokens=", b"=5", b"tokens=-1", b"tokens=+1", b"tokens=1x", b"tokens = 1", b"tokens=1;unit=k",
        b"tokens=nan", b"tokens=inf", b"tokens=0x10", b"tokens=1_000", b"tokens=007", b"tokens=.5", b"tokens=5.",
        b'tokens="5"', b"Tokens=5", b"to-kens=5", b"t" * 65 + b"=5", b"tokens=1e999999999",
        b"tokens=1000000000000000", b"tokens=" + b"1" * 33, b"tokens=\xb2", b"tok\xe9ns=5", b"tokens==5", b"a=1\nb=2",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_left_out_and_named(item: bytes):
    read = said([(b"credits-usage", b"seconds=3, " + item + b", bytes=4")])

    assert read.usage == {"seconds": 3, "bytes": 4}
    (fault,) = read.faults
    assert repr(item[:60].decode("latin-1")) in fault


def test_more_meters_than_a_price_can_have_are_not_read():
    items = b", ".join(b"m%d=%d" % (number, number) for number in range(METERS_MAX + 1))
    read = said([(b"credits-usage", items)])

    assert len(read.usage) == METERS_MAX
    assert len(read.faults) == 1


def test_of_an_endless_header_nothing_is_read():
    read = said([(b"credits-usage", b"tokens=1," * 300), (b"credits-usage", b"tokens=1," * 300)])

    assert read.usage == {}
    assert read.faults == (f"Credits-Usage has 5401 bytes and at most {BYTES_MAX} are read.",)


@pytest.mark.parametrize("value", [b"12", b"0", b"0.5", b" 12.000001 "])
def test_a_price_is_an_amount_of_credits(value: bytes):
    read = said([(b"credits-price", value)])

    assert read.price == parse(value.decode().strip())
    assert read.faults == ()


@pytest.mark.parametrize("value", [b"", b"-1", b"1e3", b"12, 13", b"0.0000001", b"99999999999", b"12 credits", b"\xb2"])
def test_a_price_that_is_no_amount_is_not_read(value: bytes):
    read = said([(b"credits-price", value)])

    assert read.price is None
    assert len(read.faults) == 1


def test_a_price_that_is_said_twice_is_not_read():
    read = said([(b"credits-price", b"12"), (b"credits-price", b"12")])

    assert read.price is None
    assert read.faults == ("Credits-Price stands 2 times; it is not read.",)


def test_other_headers_say_nothing():
    assert said([(b"x-credits-usage", b"tokens=1"), (b"content-type", b"text/plain")]) is NOTHING


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_whatever_comes_something_is_said_of_it(usage_value: bytes, price_value: bytes):
    read = said([(b"credits-usage", usage_value), (b"credits-price", price_value)])

    assert all(0 <= units < 10**15 for units in read.usage.values())
    assert read.price is not None or any(fault.startswith("Credits-Price") for fault in read.faults)
    assert all(fault.isprintable() and fault.endswith(".") and len(fault) < 400 for fault in read.faults)


def test_a_price_is_read_as_every_other_amount_is():
    with pytest.raises(AmountError) as refused:
        parse("1,5")

    assert said([(b"credits-price", b"1,5")]).faults == (f"Credits-Price: {refused.value}",)

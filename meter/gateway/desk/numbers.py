"""Numbers of JSON, read and written exactly: an amount is never a float on its way in, nor on its way out."""

import re
from decimal import Decimal
from fractions import Fraction

import msgspec

from meter.credits import DECIMALS, MICRO
from meter.pricing import words

_CHARS_MAX = 40
_EXPONENT_MAX = 30
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)


def micro(written: bytes) -> int:
    """Read a JSON number of credits as whole micro-credits.

    Raises:
        ValueError: it is no number, or has more decimals than an amount can have.
    """
    exact = fraction(written) * Fraction(MICRO)
    if exact.denominator != 1:
        raise ValueError(f"it has more than {DECIMALS} decimals")
    return exact.numerator


def fraction(written: bytes) -> Fraction:
    """Read a JSON number exactly.

    Raises:
        ValueError: it is none, or it is too long, too large or too small to mean anything.
    """
    text = written.decode("ascii", "replace")
    if len(text) > _CHARS_MAX or not _NUMBER.fullmatch(text):
        raise ValueError("write a plain number")
    number = Decimal(text)
    if number and abs(number.adjusted()) > _EXPONENT_MAX:
        raise ValueError("write a plain number")
    return Fraction(number)


def exact(value: Fraction) -> msgspec.Raw:
    """Mark a number so that it is written exactly; one without an end is written as a text, ``1/3``."""
    written = words.number(value)
    return msgspec.Raw((f'"{written}"' if "/" in written else written).encode())

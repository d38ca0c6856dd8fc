"""Exact numbers of the economics: money, shares and ratios are fractions, and are written without a float between.

Whoever shows a number that no decimal ends writes it with ``decimal_text``, so that all round it alike.
"""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

DIGITS = 12
"""Significant digits of a number whose decimals do not end."""
DECIMALS_MAX = 18
"""Decimals that are written of a number whose decimals end."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)


class EconomicsError(ValueError):
    """Numbers that can't be; the message is a sentence with the value and the fix."""


def parse(written: str) -> Fraction:
    """Read a number as tables hold it: ``12``, ``-0.5``, ``1.5e-05``.

    Raises:
        EconomicsError: it is anything else: an empty text, a word, ``nan``, ``1,5``.
    """
    if not _NUMBER.fullmatch(written):
        raise EconomicsError(f"{written[:40]!r} is not a number; write it in digits, such as 0.0002.")
    return Fraction(written)


def parse_share(written: str) -> Fraction:
    """Read a share, written as ``0.2`` or ``20%``.

    Raises:
        EconomicsError: it is neither.
    """
    number = parse(written.removesuffix("%").rstrip())
    return number / 100 if written.endswith("%") else number


def decimal_text(value: Fraction) -> str:
    """Write a number in decimals, never with an exponent: exact where they end, else to twelve significant digits."""
    exact = _exact(value)
    return f"{exact if exact is not None else _near(value):f}"


def percent_text(share: Fraction, decimals: int = 1) -> str:
    """Write a share as percent, rounded half to even: ``64.9 %``."""
    return f"{Decimal(round(share * 100 * 10**decimals)).scaleb(-decimals):f} %"


def _exact(value: Fraction) -> Decimal | None:
    """The decimal that a fraction is; None where its decimals do not end, or are too many."""
    for decimals in range(DECIMALS_MAX + 1):
        scaled = value * 10**decimals
        if scaled.denominator == 1:
            return Decimal(scaled.numerator).scaleb(-decimals, Context(prec=len(str(scaled.numerator)) + decimals))
    return None


def _near(value: Fraction) -> Decimal:
    return Context(prec=DIGITS, rounding=ROUND_HALF_EVEN).divide(Decimal(value.numerator), Decimal(value.denominator))

"""Numbers as findings say them."""

from decimal import Context, Decimal
from fractions import Fraction

from meter.credits import Credits, text
from meter.economics.exact import decimal_text, percent_text

DIGITS = 6
LETTERS_MAX = len("-0.000000001")
"""A sum that is longer is not read any more."""


def credits_text(amount: Credits) -> str:
    """An amount with its unit: ``1 credit``, ``100,000 credits``."""
    whole, dot, rest = text(amount).partition(".")
    return f"{int(whole):,}{dot}{rest} {'credit' if text(amount) == '1' else 'credits'}"


def number_text(value: Fraction) -> str:
    """A number, exact where its decimals end: ``48,600``, ``50,297.5``."""
    return f"{Decimal(decimal_text(value)):,f}"


def money(value: Fraction) -> str:
    """A sum of money without its currency; of long fractions, six significant digits: ``0.0003``, ``0.000666667``."""
    exact = decimal_text(value)
    if len(exact) <= LETTERS_MAX and Fraction(exact) == value:
        return exact
    near = Context(prec=DIGITS).divide(Decimal(value.numerator), Decimal(value.denominator))
    return decimal_text(Fraction(near))


def share(value: Fraction) -> str:
    """A share as percent, with no decimals where it is whole: ``48.3 %``, ``70 %``."""
    return percent_text(value).replace(".0 %", " %")

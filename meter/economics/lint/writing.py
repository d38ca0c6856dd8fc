"""Numbers as findings say them."""

from fractions import Fraction

from meter.credits import Credits, text
from meter.economics.exact import decimal_text, percent_text


def credits_text(amount: Credits) -> str:
    """An amount with its unit: ``1 credit``, ``100,000 credits``."""
    whole, dot, rest = text(amount).partition(".")
    return f"{int(whole):,}{dot}{rest} {'credit' if text(amount) == '1' else 'credits'}"


def number_text(value: Fraction) -> str:
    """A number, exact where its decimals end."""
    return decimal_text(value)


def money(value: Fraction) -> str:
    """A sum of money without its currency; of long fractions, six significant digits: ``0.0003``, ``-0.04``."""
    if value.limit_denominator(10**9) == value and len(decimal_text(value)) <= len("-0.000000001"):
        return decimal_text(value)
    return f"{float(value):.6g}" if abs(value) >= Fraction(1, 10_000) else f"{float(value):.3e}"


def share(value: Fraction) -> str:
    """A share as percent, with no decimals where it is whole: ``48.3 %``, ``70 %``."""
    return percent_text(value).replace(".0 %", " %")

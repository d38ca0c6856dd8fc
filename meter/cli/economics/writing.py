"""How the economics are written: exact numbers for scripts, short ones for people."""

from decimal import Context, Decimal
from fractions import Fraction

import msgspec

from meter.economics.exact import decimal_text

_SHORT = Context(prec=4)


def json_number(value: Fraction | int) -> msgspec.Raw:
    """A JSON number: exact where its decimals end, else to twelve significant digits."""
    return msgspec.Raw(decimal_text(Fraction(value)).encode())


def money_text(money: Fraction, currency: str = "$") -> str:
    """Money for people: ``$1,234.50``, and below one to four significant digits, as ``$0.0002``."""
    size = Decimal(decimal_text(abs(money)))
    short = f"{size:,.2f}".removesuffix(".00") if size >= 1 else f"{_SHORT.create_decimal(size).normalize():f}"
    return f"{'-' if money < 0 else ''}{currency}{short}"

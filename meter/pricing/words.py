"""How numbers and amounts read in a trace: exactly, and as people write them."""

from datetime import UTC, datetime
from fractions import Fraction

from meter.credits import MICRO

DECIMALS_MAX = 30


def number(value: Fraction) -> str:
    """Write an exact number: as a decimal where it has one of at most ``DECIMALS_MAX`` places, else as a fraction."""
    for decimals in range(DECIMALS_MAX + 1):
        scaled = value * 10**decimals
        if scaled.denominator == 1:
            digits = f"{scaled.numerator:0{decimals + 1}d}"
            return digits if decimals == 0 else f"{digits[:-decimals]}.{digits[-decimals:]}"
    return str(value)


def amount(micro: int | Fraction) -> str:
    """Write an exact number of micro-credits as credits: ``1 credit``, ``62.5 credits``."""
    credits_text = number(Fraction(micro, MICRO))
    return f"{credits_text} credit" if credits_text == "1" else f"{credits_text} credits"


def moment_text(moment: datetime) -> str:
    """Write an aware moment as RFC 3339 in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

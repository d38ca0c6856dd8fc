"""Amounts of credits: whole micro-credits, with one way to read, write and round them.

Every amount in the project is made here, so every amount is whole, at least zero and at most ``LIMIT``.
Nothing in this module, or above it, may turn an amount into a binary float.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NewType

Credits = NewType("Credits", int)
"""An amount in micro-credits (10⁻⁶ of a credit), 0 to ``LIMIT``."""

MICRO = 1_000_000
"""Micro-credits in one credit."""

DECIMALS = 6

LIMIT = 2**53 - 1
"""The largest amount, in micro-credits: the largest whole number that Lua and JSON readers hold exactly."""

ZERO = Credits(0)
ONE = Credits(MICRO)

_AMOUNT = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,6})?", re.ASCII)
_MICRO = re.compile(r"[0-9]{1,16}", re.ASCII)


class AmountError(ValueError):
    """A value that is no amount of credits; the message is a sentence with the value and the fix."""


class RoundingMode(StrEnum):
    """How an exact price becomes a multiple of the step."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    FLOOR = "floor"
    CEIL = "ceil"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """How a price is rounded, once, and the least that it can be."""

    mode: RoundingMode = RoundingMode.HALF_UP
    step: Credits = ONE
    minimum: Credits = ONE


def from_micro(micro: int) -> Credits:
    """Check a whole number of micro-credits.

    Raises:
        AmountError: it is negative or above ``LIMIT``.
    """
    if not 0 <= micro <= LIMIT:
        raise AmountError(f"{micro} micro-credits is out of range; an amount is 0 to {text(Credits(LIMIT))} credits.")
    return Credits(micro)


def parse(written: str) -> Credits:
    """Read an amount of credits as people write it: ``"100"``, ``"0.5"``.

    Raises:
        AmountError: it is not a plain decimal number with at most six decimals, or it is above ``LIMIT``.
    """
    if not _AMOUNT.fullmatch(written):
        raise AmountError(
            f"{written[:40]!r} is not an amount of credits; write a plain number with at most {DECIMALS} decimals."
        )
    return from_micro(int(Decimal(written).scaleb(DECIMALS)))


def parse_micro(written: str | bytes) -> Credits:
    """Read a whole number of micro-credits as the ledger writes it: digits alone.

    Raises:
        AmountError: it is anything else, or above ``LIMIT``.
    """
    digits = written.decode("ascii", "replace") if isinstance(written, bytes) else written
    if not _MICRO.fullmatch(digits):
        raise AmountError(f"{digits[:40]!r} is not a whole number of micro-credits.")
    return from_micro(int(digits))


def text(amount: Credits) -> str:
    """Write an amount as a JSON number: whole when whole, else exact decimals, never an exponent."""
    whole, micro = divmod(amount, MICRO)
    if not micro:
        return str(whole)
    return f"{whole}.{micro:06d}".rstrip("0")


def rounded(micro: Fraction, rounding: Rounding) -> Credits:
    """Round an exact number of micro-credits to a multiple of the step, and lift it to the minimum.

    Raises:
        AmountError: the outcome is negative or above ``LIMIT``.
    """
    steps = _WHOLE[rounding.mode](micro / rounding.step)
    return from_micro(max(steps * rounding.step, rounding.minimum))


def _half_up(number: Fraction) -> int:
    return (number + Fraction(1, 2)).__floor__()


_WHOLE: dict[RoundingMode, Callable[[Fraction], int]] = {
    RoundingMode.HALF_UP: _half_up,
    RoundingMode.HALF_EVEN: round,
    RoundingMode.FLOOR: Fraction.__floor__,
    RoundingMode.CEIL: Fraction.__ceil__,
}

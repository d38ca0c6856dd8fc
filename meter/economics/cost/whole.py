"""Fractions brought to one denominator, so that many are sorted and summed as whole numbers: exactly, and fast."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm


def whole(numbers: Sequence[Fraction]) -> tuple[list[int], int]:
    """Numbers as whole ones, and how many of these are one."""
    unit = lcm(*{number.denominator for number in numbers})
    return [number.numerator * (unit // number.denominator) for number in numbers], unit


def total(numbers: Iterable[Fraction]) -> Fraction:
    """The sum."""
    sums: dict[int, int] = {}
    for number in numbers:
        denominator = number.denominator
        sums[denominator] = sums.get(denominator, 0) + number.numerator
    return sum((Fraction(part, denominator) for denominator, part in sums.items()), Fraction(0))

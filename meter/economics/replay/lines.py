"""Prices that are a line over what was used, for many calls at once: the numbers of one reckoning, in 64-bit integers.

The numbers come from ``reckon``; what is done with them is what ``Reckoning`` does, with one denominator for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm, prod

import numpy as np
from numpy.typing import NDArray

from meter.credits import LIMIT, RoundingMode
from meter.economics.replay.columns import Whole
from meter.pricing.reckoning import Reckoning, Use

BOUND = 2**62
"""No number on the way may pass it."""


@dataclass(frozen=True, slots=True)
class Units:
    """What a meter read of each call: numerators over one denominator."""

    numerators: Whole
    denominator: int

    def of(self, codes: NDArray[np.integer]) -> "Units":
        """The units of calls, from those of the distinct values."""
        return Units(self.numerators[codes], self.denominator)


def units(values: Sequence[Fraction | None]) -> Units | None:
    """Put distinct values over one denominator, 0 in place of None; None where 64 bits don't hold them."""
    denominator = lcm(*(one.denominator for one in values if one is not None))
    whole = [0 if one is None else int(one * denominator) for one in values]
    if denominator > BOUND or max(whole, default=0) > BOUND:
        return None
    return Units(np.array(whole, np.int64), denominator)


def prices(reckoning: Reckoning, used: Sequence[Units]) -> Whole | None:
    """The prices of calls that differ in nothing but what they used; None where 64 bits don't hold their numbers.

    Args:
        reckoning: of one of them.
        used: what the meters of ``reckoning.uses`` read, in their order.
    """
    line = _line(reckoning, used)
    if line is None:
        return None
    total = np.full(len(used[0].numerators), reckoning.base * line.scale, np.int64)
    for rate, one in zip(line.rates, used, strict=True):
        total += one.numerators * rate
    if reckoning.at_most is not None:
        total = np.minimum(total, reckoning.at_most * line.scale)
    found = _payable(reckoning, total * line.factor, line.denominator)
    return found if int(found.max(initial=0)) <= LIMIT else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    scale: int
    """Base and uses are whole numbers of micro-credits over it."""
    rates: tuple[int, ...]
    factor: int
    denominator: int
    """Exact prices are whole numbers of micro-credits over it."""


def _line(reckoning: Reckoning, used: Sequence[Units]) -> _Line | None:
    """The whole numbers of a price; None where what comes of them could pass the bound."""
    scale = lcm(*(use.micro_per_unit.denominator * one.denominator for use, one in _pairs(reckoning, used)))
    factor = prod((factor.multiply for factor in reckoning.factors), start=Fraction(1))
    rates = tuple(int(use.micro_per_unit * scale / one.denominator) for use, one in _pairs(reckoning, used))
    line = _Line(scale=scale, rates=rates, factor=factor.numerator, denominator=scale * factor.denominator)
    each = (int(one.numerators.max(initial=0)) * rate for rate, one in zip(rates, used, strict=True))
    totals = (reckoning.base * scale + sum(each), (reckoning.at_most or 0) * scale)
    most = max(totals) * max(1, factor.numerator), (reckoning.maximum or 0) * line.denominator
    return line if 2 * (max(most) + line.denominator * reckoning.rounding.step) <= BOUND else None


def _payable(reckoning: Reckoning, exact: Whole, denominator: int) -> Whole:
    """Rounded once, then clamped."""
    rounding, maximum = reckoning.rounding, reckoning.maximum
    if maximum is not None:
        exact = np.minimum(exact, maximum * denominator)
    steps = _whole(rounding.mode, exact, denominator * rounding.step)
    lifted = np.maximum(steps * rounding.step, rounding.minimum)
    return lifted if maximum is None else np.minimum(lifted, maximum)


def _pairs(reckoning: Reckoning, used: Sequence[Units]) -> list[tuple[Use, Units]]:
    return list(zip(reckoning.uses, used, strict=True))


def _whole(mode: RoundingMode, number: Whole, unit: int) -> Whole:
    """So many whole units, rounded as the mode says."""
    match mode:
        case RoundingMode.HALF_UP:
            return (2 * number + unit) // (2 * unit)
        case RoundingMode.FLOOR:
            return number // unit
        case RoundingMode.CEIL:
            return -(-number // unit)
        case RoundingMode.HALF_EVEN:
            below, rest = np.divmod(number, unit)
            up = (2 * rest > unit) | ((2 * rest == unit) & (below % 2 == 1))
            return np.asarray(below + up, np.int64)

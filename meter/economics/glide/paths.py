"""Ways from an old price to a new one: in whole credits, and how many months a compounding rise takes.

All is exact: no logarithm decides whether a month more is needed.
"""

from fractions import Fraction
from typing import Final

from meter.economics.exact import EconomicsError, decimal_text

STUCK: Final = "STUCK"
"""The end of a path that whole credits cannot walk: the rise allowed is less than one credit."""

MONTHS_MAX = 12_000
"""No path is longer: a thousand years."""


def integer_path(start: int, target: int, max_rise_pct: Fraction | int) -> tuple[int | str, ...]:
    """Walk from one price to another in whole credits, each month as far as the rise allows.

    Args:
        start: whole credits a call, not negative.
        target: as many, or more.
        max_rise_pct: percent of what was paid the month before; the outcome is rounded down.

    Returns:
        What is paid month by month, ``start`` first; ``STUCK`` last where it can't rise any more.

    Raises:
        EconomicsError: a price is negative, the target is below the start, the rise is not above zero, or it takes
            more than ``MONTHS_MAX`` months.
    """
    _check_ends(start, target)
    factor = _factor(max_rise_pct)
    path: list[int | str] = [start]
    now = start
    while now < target:
        if len(path) > MONTHS_MAX:
            raise _too_long(f"{start} to {target}", max_rise_pct)
        after = min(target, (now * factor.numerator) // factor.denominator)
        if after == now:
            return (*path, STUCK)
        path.append(after)
        now = after
    return tuple(path)


def months_to(ratio: Fraction | int, pct: Fraction | int) -> int:
    """The fewest months in which a price that rises by a percentage each month has grown to its ``ratio``-fold.

    The smallest n with (1 + pct/100)ⁿ ≥ ratio; 0 for a ratio of 1 or less.

    Raises:
        EconomicsError: the rise is not above zero, or it takes more than ``MONTHS_MAX`` months.
    """
    factor, wanted = _factor(pct), Fraction(ratio)
    over, under = wanted.denominator, wanted.numerator
    months = 0
    while over < under:
        if months == MONTHS_MAX:
            raise _too_long(f"the {decimal_text(wanted)}-fold", pct)
        over *= factor.numerator
        under *= factor.denominator
        months += 1
    return months


def _check_ends(start: int, target: int) -> None:
    if start < 0:
        raise EconomicsError(f"A price of {start} credits is negative; write what a call costs now.")
    if target < start:
        raise EconomicsError(
            f"The target of {target} credits is below the {start} of now; "
            "a lower price needs no path: it is there at once."
        )


def _factor(pct: Fraction | int) -> Fraction:
    """By what a price is multiplied each month."""
    if pct <= 0:
        raise EconomicsError(f"A rise of {decimal_text(Fraction(pct))} % a month leads nowhere; write one above 0 %.")
    return 1 + Fraction(pct) / 100


def _too_long(way: str, pct: Fraction | int) -> EconomicsError:
    rise = decimal_text(Fraction(pct))
    return EconomicsError(
        f"From {way} at {rise} % a month takes more than {MONTHS_MAX} months; allow a larger rise, or aim lower."
    )

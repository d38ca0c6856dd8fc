"""What an account pays month by month on its way from a price that it was pinned to, by the rules of ``pricing``.

The rise is a share of the pinned price, the same amount each month: so it is never more than that share of what was
paid the month before, and takes longer than a rise that compounds. ``linear_months`` and ``months_to`` say how long.
"""

from fractions import Fraction
from itertools import pairwise

from meter.credits import Credits, Rounding, RoundingMode, rounded
from meter.economics.glide.paths import linear_months

STEPS = tuple(Credits(10**power) for power in range(12, -1, -1))
"""Steps that prices may be rounded to, in micro-credits: powers of ten, the coarsest first."""


def exact_path(old: Credits, new: Credits, share: Fraction) -> tuple[Fraction, ...]:
    """What is to be paid before rounding, in micro-credits: the pinned price first, then one price a month.

    Args:
        old: the pinned price, above zero.
        new: the price in force, at least as high.
        share: of the pinned price, by which what is paid may rise each month.

    Raises:
        EconomicsError: the share is not above zero, or it takes more than ``MONTHS_MAX`` months.
    """
    months = linear_months(Fraction(new, old), share)
    return tuple(min(Fraction(new), old * (1 + share * month)) for month in range(months + 1))


def rebate_path(old: Credits, new: Credits, share: Fraction, rounding: Rounding) -> tuple[Credits, ...]:
    """What is paid, rounded once as the gateway does: in the months of the pin first, then one price a month.

    Raises:
        EconomicsError: as ``exact_path``.
        AmountError: a price is above the limit of amounts.
    """
    return tuple(rounded(exact, rounding) for exact in exact_path(old, new, share))


def within(path: tuple[Credits, ...], share: Fraction) -> bool:
    """Whether no month's price is above the one before by more than the share of it."""
    return all(after <= before * (1 + share) for before, after in pairwise(path))


def fitting(old: Credits, new: Credits, share: Fraction, present: Rounding) -> Rounding:
    """The rounding that lets a walk be paid as it is: the present one, where it does.

    Of the powers of ten, the coarsest step that divides all its prices. Where even a micro-credit does not, prices are
    rounded down to whole ones, so that none rises by more than the share. The minimum stays what it is.

    Raises:
        EconomicsError: as ``exact_path``.
    """
    exact = exact_path(old, new, share)
    if all(rounded(one, present) == one for one in exact):
        return present
    for step in STEPS:
        if step < present.step and all(one % step == 0 for one in exact):
            return Rounding(mode=present.mode, step=step, minimum=present.minimum)
    return Rounding(mode=RoundingMode.FLOOR, step=Credits(1), minimum=present.minimum)

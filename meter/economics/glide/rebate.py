"""What an account pays month by month on its way from a price that it was pinned to, by the rules of ``pricing``.

It rises each month by a share of what was to be paid the month before: a transition that compounds. The outcome is
rounded as the policy rounds, so that a price may be above that by less than a step.
"""

from fractions import Fraction

from meter.credits import Credits, Rounding, RoundingMode, rounded, text
from meter.economics.exact import EconomicsError, decimal_text
from meter.economics.glide.paths import months_to
from meter.pricing.versions import COMPOUNDING_MONTHS_MAX, compounded

STEPS = tuple(Credits(10**power) for power in range(12, -1, -1))
"""Steps that prices may be rounded to, in micro-credits: powers of ten, the coarsest first."""


def exact_path(old: Credits, new: Credits, share: Fraction) -> tuple[Fraction, ...]:
    """What is to be paid before rounding, in micro-credits: the pinned price first, then one price a month.

    Args:
        old: the pinned price, above zero.
        new: the price in force, at least as high.
        share: of what was to be paid the month before, by which that may rise each month.

    Raises:
        EconomicsError: the share is not above zero, or it takes more than ``COMPOUNDING_MONTHS_MAX`` months.
    """
    if months_to(Fraction(new, old), share * 100) > COMPOUNDING_MONTHS_MAX:
        raise EconomicsError(
            f"By {decimal_text(share)} a month it takes more than {COMPOUNDING_MONTHS_MAX} months from {text(old)} to "
            f"{text(new)} credits; allow a larger rise, or aim lower."
        )
    path = [Fraction(old)]
    while path[-1] < new:
        path.append(min(Fraction(new), old * (1 + compounded(share, len(path)))))
    return tuple(path)


def rebate_path(old: Credits, new: Credits, share: Fraction, rounding: Rounding) -> tuple[Credits, ...]:
    """What is paid, rounded once as the gateway does: in the months of the pin first, then one price a month.

    Raises:
        EconomicsError: as ``exact_path``.
        AmountError: a price is above the limit of amounts.
    """
    return tuple(rounded(exact, rounding) for exact in exact_path(old, new, share))


def fitting(old: Credits, new: Credits, share: Fraction, present: Rounding) -> Rounding:
    """The rounding that lets a walk be paid as it is: the present one, where it does.

    Of the powers of ten, the coarsest step that divides all its prices. Where even a micro-credit does not, prices are
    rounded down to whole ones. The minimum stays what it is.

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

"""Friendly rounding: a value becomes a step of a ladder, decided exactly, without a logarithm.

A tie goes up: what is rounded pays for a cost.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from fractions import Fraction

from meter.economics.exact import EconomicsError, decimal_text
from meter.economics.table.ladders import Ladder, own
from meter.policy.mistakes import instead, shown


class Mode(StrEnum):
    """Which step a value becomes."""

    NEAREST_LOG = "nearest_log"
    """The one with the least ratio to it: 7 is nearer to 10 than to 4.8."""
    NEAREST_LINEAR = "nearest_linear"
    """The one with the least difference."""
    CEIL = "ceil"
    """The lowest that is not below it."""
    MARGIN_SAFE = "margin_safe"
    """The lowest that reaches the target margin at the price: the ceiling of the credits that it takes."""


def mode_of(written: str) -> Mode:
    """The mode of a name.

    Raises:
        EconomicsError: there is none of that name.
    """
    try:
        return Mode(written)
    except ValueError as error:
        raise EconomicsError(f"{shown(written)} is no rounding; {instead(written, Mode)}") from error


def round_friendly(
    values: Iterable[Fraction | int],
    ladder: Ladder | Sequence[Fraction | int],
    mode: Mode | str = Mode.NEAREST_LOG,
) -> tuple[Fraction, ...]:
    """Round values to steps of a ladder; below its first step, up to that.

    Args:
        values: of at least zero; in the mode ``margin_safe``, the credits that the target takes.
        ladder: a ladder, or steps as ``own`` takes them.
        mode: which step a value becomes.

    Raises:
        EconomicsError: a value is negative, or above the last step of a ladder that ends; or there is no such mode.
    """
    steps = ladder if isinstance(ladder, Ladder) else own(ladder)
    chosen = mode_of(mode)
    return tuple(friendly(Fraction(value), steps, chosen) for value in values)


def friendly(value: Fraction, ladder: Ladder, mode: Mode) -> Fraction:
    """The step that one value becomes; errors as of ``round_friendly``."""
    if value < 0:
        raise EconomicsError(f"{decimal_text(value)} is less than nothing; round what is at least 0.")
    below, above = ladder.around(value)
    if above is None:
        raise EconomicsError(
            f"{decimal_text(value)} is above {decimal_text(ladder.steps[-1])}, where the ladder {ladder.name} ends; "
            f"add steps, up to ten times one of them and it goes on by decades."
        )
    return above if below is None or _up(value, below, above, mode) else below


def _up(value: Fraction, below: Fraction, above: Fraction, mode: Mode) -> bool:
    match mode:
        case Mode.NEAREST_LOG:
            return value * value >= below * above
        case Mode.NEAREST_LINEAR:
            return 2 * value >= below + above
        case Mode.CEIL | Mode.MARGIN_SAFE:
            return True

"""Ladders: the whole numbers that the prices of a table may be."""

from dataclasses import dataclass
from fractions import Fraction

from meter.economics.exact import EconomicsError, decimal_text, parse

DECADES_MAX = 12
NAMED = {"1-5-10": ("1", "5"), "1-2-5": ("1", "2", "5"), "article": ("1", "2.5", "5")}
"""What each decade of a named ladder holds; numbers that are not whole, as 2.5, are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Steps that ascend."""

    name: str
    steps: tuple[int, ...]

    def holds(self, listed: Fraction) -> bool:
        """Whether a price stands on it."""
        return listed in self.steps

    def around(self, listed: Fraction) -> tuple[int, ...]:
        """The nearest step below a price and the nearest above it, where they are."""
        below = [step for step in self.steps if step < listed][-1:]
        return (*below, *[step for step in self.steps if step > listed][:1])


def ladder(written: str) -> Ladder:
    """Read a ladder: its name, or its steps with commas between.

    Raises:
        EconomicsError: it is neither.
    """
    if written in NAMED:
        return Ladder(name=written, steps=_decades(written))
    known = ", ".join(NAMED)
    try:
        steps = [parse(step.strip()) for step in written.split(",")]
    except EconomicsError as error:
        raise EconomicsError(
            f"{written[:60]!r} is no ladder; name one of {known}, or write its steps: 1,5,10."
        ) from error
    for step in steps:
        if step.denominator != 1 or step < 1:
            raise EconomicsError(f"{decimal_text(step)} is no step of a ladder; write whole numbers from 1 on.")
    return Ladder(name=written, steps=tuple(sorted({int(step) for step in steps})))


def _decades(name: str) -> tuple[int, ...]:
    steps = [Fraction(step) * 10**decade for decade in range(DECADES_MAX) for step in NAMED[name]]
    return tuple(int(step) for step in steps if step.denominator == 1)

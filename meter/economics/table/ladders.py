"""Ladders: the numbers that people are willing to remember, from their first step up, decade after decade.

A ladder never goes down below its first step: nothing rounds to less, and so to nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, pairwise

from meter.economics.exact import EconomicsError, decimal_text, parse
from meter.policy.mistakes import instead, shown

TEN = 10

_STEPS = re.compile(r"[-0-9.,\s]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Rising steps."""

    name: str
    steps: tuple[Fraction, ...]
    """The first ones, at least one."""
    decade: tuple[Fraction, ...] = ()
    """Those that come again above the last step, tenfold, then a hundredfold; without any, the last step ends it."""

    def __iter__(self) -> Iterator[Fraction]:
        """Its steps from the first up; without end, where a decade comes again."""
        yield from self.steps
        for power in count(1) if self.decade else ():
            yield from (step * TEN**power for step in self.decade)

    def around(self, value: Fraction) -> tuple[Fraction | None, Fraction | None]:
        """The steps next to a value: the highest that is not above it, the lowest that is not below it."""
        below = None
        for step in self:
            if step >= value:
                return (step if step == value else below), step
            below = step
        return below, None


def own(steps: Iterable[Fraction | int], name: str = "your own") -> Ladder:
    """A ladder of one's own steps.

    One whose last step is ten times another goes on by decades: ``1, 3, 10`` with 30, 100, 300. Any other one ends.

    Raises:
        EconomicsError: there are none, the first is not above zero, or one is not above the one before.
    """
    rising = tuple(Fraction(step) for step in steps)
    if not rising:
        raise EconomicsError("A ladder without a step rounds nothing; write numbers such as 1,3,10.")
    if rising[0] <= 0:
        raise EconomicsError(f"{decimal_text(rising[0])} is no step; a ladder starts above 0.")
    for before, step in pairwise(rising):
        if step <= before:
            raise EconomicsError(f"{decimal_text(step)} stands after {decimal_text(before)}; let the steps rise.")
    return Ladder(name=name, steps=rising, decade=_last_decade(rising))


def ladder(written: str) -> Ladder:
    """The ladder of a name, or of numbers with commas between: ``article``, ``E6``, ``1,3,10``.

    Raises:
        EconomicsError: it is neither, or the numbers are no ladder.
    """
    if named := LADDERS.get(written):
        return named
    if _STEPS.fullmatch(written):
        return own(parse(step) for step in written.replace(",", " ").split())
    raise EconomicsError(f"{shown(written)} is no ladder; {instead(written, LADDERS)}")


def _last_decade(rising: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    start = rising[-1] / TEN
    return tuple(step for step in rising if step > start) if start in rising else ()


def _decades(name: str, *decade: Fraction | int) -> Ladder:
    steps = tuple(Fraction(step) for step in decade)
    return Ladder(name=name, steps=steps, decade=steps)


def _preferred(name: str, tenths: Iterable[int]) -> Ladder:
    return _decades(name, *(Fraction(step, TEN) for step in tenths))


_E24 = (10, 11, 12, 13, 15, 16, 18, 20, 22, 24, 27, 30, 33, 36, 39, 43, 47, 51, 56, 62, 68, 75, 82, 91)
"""Preferred numbers in tenths (IEC 60063, table 1); E12, E6 and E3 are every second of the one before."""

LADDERS: Mapping[str, Ladder] = {
    made.name: made
    for made in (
        Ladder(
            name="article",
            steps=tuple(map(Fraction, (1, 5, 10, 25, 50))),
            decade=tuple(map(Fraction, (10, 25, 50))),
        ),
        _decades("1-5-10", 1, 5),
        _decades("1-2-5", 1, 2, 5),
        _preferred("E3", _E24[::8]),
        _preferred("E6", _E24[::4]),
        _preferred("E12", _E24[::2]),
        _preferred("E24", _E24),
    )
}
"""The named ladders. ``article`` has 1, 5, 10, 25, 50, 100, 250, 500, …: no 2.5 below 10."""

"""What to think of each group: verdicts, worst first."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import inf

from meter.economics.margins.bounds import ALPHA, EVENTS_MIN, Bound, bounds
from meter.economics.margins.groups import Group, Grouped


class Verdict(StrEnum):
    """How sure it is that a margin is below the floor."""

    CONFIRMED = "confirmed"
    """It is: the upper bound is below the floor, with all groups in view; or it is free, and costs money."""
    SUSPECT = "suspect"
    """It looks so, and may be chance; or nobody paid for the credits that it was paid with."""
    WATCH = "watch"
    """It looks well, and may be chance; or there are too few calls to say anything."""
    FINE = "fine"
    """It is not: the lower bound is at the floor or above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A group with its verdict."""

    group: Group
    bound: Bound
    verdict: Verdict

    @property
    def ratio(self) -> Fraction | float | None:
        """The margin; minus infinity where nothing came in and something was spent; None where neither was."""
        if self.group.margin is None and self.group.cost:
            return -inf
        return self.group.margin

    @property
    def reason(self) -> str:
        """What the verdict rests on beside the bounds, or how many calls more would tell; or nothing."""
        if not self.group.revenue:
            return _unpaid(self.group)
        if self.group.calls < EVENTS_MIN:
            return f"{self.bound.more} calls more"
        if self.verdict in (Verdict.SUSPECT, Verdict.WATCH) and self.bound.more:
            return f"about {self.bound.more} calls more"
        return ""


def judged(grouped: Grouped, floor: Fraction) -> tuple[Judged, ...]:
    """Judge every group; the worst margin first, and before all what is free and costs money, the dearest first."""
    known = bounds(grouped, float(floor))
    found = [
        Judged(group=group, bound=bound, verdict=verdict(group, bound, floor))
        for group, bound in zip(grouped.groups, known, strict=True)
    ]
    return tuple(sorted(found, key=_worst))


def verdict(group: Group, bound: Bound, floor: Fraction) -> Verdict:
    """What to think of one group."""
    margin = group.margin
    if margin is None:
        return _of_unpaid(group)
    if bound.adjusted is None or bound.lower is None:
        return Verdict.WATCH
    if margin < floor:
        return Verdict.CONFIRMED if bound.adjusted <= ALPHA else Verdict.SUSPECT
    return Verdict.FINE if bound.lower >= floor or bound.lower == bound.upper else Verdict.WATCH


def _of_unpaid(group: Group) -> Verdict:
    if not group.cost:
        return Verdict.FINE
    return Verdict.CONFIRMED if group.free else Verdict.SUSPECT


def _unpaid(group: Group) -> str:
    if not group.cost:
        return "free, at no cost"
    return "free" if group.free else "not paid"


def _worst(one: Judged) -> tuple[bool, Fraction, Fraction, tuple[str, ...]]:
    margin = one.group.margin
    if margin is None and one.group.cost:
        return False, Fraction(not one.group.free), -one.group.cost, one.group.key
    return True, Fraction(2) if margin is None else margin, Fraction(0), one.group.key


def confirmed(found: Sequence[Judged]) -> bool:
    """Whether something is surely below the floor."""
    return any(one.verdict is Verdict.CONFIRMED for one in found)

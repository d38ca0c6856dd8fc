"""Two ways to price the same traffic, side by side: what changes for whom, and which guardrails that breaks.

A bill is what a customer's calls cost in credits. Its rise is (new − old) / old; a customer who paid nothing and is to
pay something rises beyond every limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from meter.economics.exact import percent_text
from meter.economics.replay.money import Earned, margins
from meter.economics.replay.outcome import Replayed, Spell, Sum

SIGN_CHANGED, SIGN_NEW, SIGN_GONE, SIGN_SAME = "~", "+", "-", " "


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the calls of an operation, or of a customer, cost before and after; in micro-credits."""

    name: str
    calls: int
    old: int
    new: int

    @property
    def sign(self) -> str:
        """As in a pull request: changed, new, gone, or the same."""
        if self.old == self.new:
            return SIGN_SAME
        if not self.old:
            return SIGN_NEW
        return SIGN_CHANGED if self.new else SIGN_GONE

    @property
    def rise(self) -> Fraction | None:
        """The share of the old by which the new is more; None from nothing to something."""
        if self.old == self.new:
            return Fraction(0)
        return Fraction(self.new - self.old, self.old) if self.old else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shock:
    """How bills rise: nearest ranks among all customers; None where that one paid nothing before."""

    p50: Fraction | None
    p95: Fraction | None
    p99: Fraction | None
    worst: Fraction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtZero:
    """An account that has spent what is included before its period is over."""

    spell: Spell
    """By the new prices."""
    before: int | None
    """When it was at zero by the old ones; None where it was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that changes."""

    operations: tuple[Change, ...]
    customers: tuple[Change, ...]
    """Those whose bills rise most first."""
    shock: Shock
    at_zero: tuple[AtZero, ...]
    """By the new prices, in order of time."""
    at_zero_before: int
    """How many periods were at zero by the old ones."""
    unknown: Mapping[str, Change]
    """Operations of the traffic that the new policy does not have."""
    levels: tuple[int, int]
    """How many distinct fixed prices were paid, old and new."""
    earned: tuple[Earned | None, Earned | None]
    """By the old prices, and by the new ones; None where nothing says what a credit costs."""
    margins: tuple[Mapping[str, Fraction], Mapping[str, Fraction]]
    """Of each operation, by the old prices, and by the new ones; none where money or cost is not known."""

    @property
    def whole(self) -> Change:
        """All calls together."""
        return Change(
            name="all",
            calls=sum(one.calls for one in self.operations),
            old=sum(one.old for one in self.operations),
            new=sum(one.new for one in self.operations),
        )


def compared(
    old: Replayed,
    new: Replayed,
    *,
    known: frozenset[str],
    earned: tuple[Earned | None, Earned | None] = (None, None),
    each: Mapping[str, Fraction] | None = None,
) -> Comparison:
    """Put two replays of the same traffic side by side.

    Args:
        old: by what was charged, or by the present policy.
        new: by the candidate.
        known: the operations that the candidate has.
        earned: the money of both.
        each: what serving a call costs, by operation.
    """
    operations = sorted(_changes(old.operations, new.operations), key=lambda one: (-abs(one.new - one.old), one.name))
    customers = sorted(_changes(old.accounts, new.accounts), key=_worst_first)
    return Comparison(
        operations=tuple(operations),
        customers=tuple(customers),
        shock=_shock(customers),
        at_zero=tuple(_at_zero(old, new)),
        at_zero_before=sum(spell.zero_at is not None for spell in old.spells.values()),
        unknown={one.name: one for one in operations if one.name not in known},
        levels=(len(old.prices), len(new.prices)),
        earned=earned,
        margins=(margins(old, earned[0], each or {}), margins(new, earned[1], each or {})),
    )


def broken(comparison: Comparison, *, bill_rise: Fraction | None, margin: Fraction | None) -> list[str]:
    """The guardrails that do not hold, each in a sentence.

    Args:
        comparison: what changes.
        bill_rise: the most by which any customer's bill may rise, as a share.
        margin: the least that the new margin may be, as a share; the money must be known.
    """
    found = []
    if bill_rise is not None:
        above = [one for one in comparison.customers if one.rise is None or one.rise > bill_rise]
        found += [_too_steep(above, bill_rise)] if above else []
    after = comparison.earned[1]
    if margin is not None and after is not None:
        reached = after.margin
        if reached is None:
            found.append("Nothing comes in, so there is no margin; the guardrail cannot hold.")
        elif reached < margin:
            found.append(f"The margin is {percent_text(reached)}, below {percent_text(margin)}.")
    return found


def rise_text(rise: Fraction | None) -> str:
    """Write a rise: ``+25.0 %``, ``-3.0 %``, or that there was nothing before."""
    return "from nothing" if rise is None else f"{'+' if rise > 0 else ''}{percent_text(rise)}"


def _too_steep(above: Sequence[Change], limit: Fraction) -> str:
    first = above[0]
    others = f", and {len(above) - 1} more" if len(above) > 1 else ""
    bill = f"The bill of {first.name} rises {'' if first.rise is None else 'by '}{rise_text(first.rise).lstrip('+')}"
    return f"{bill}{others}; at most {percent_text(limit)} is allowed."


def _changes(old: Mapping[str, Sum], new: Mapping[str, Sum]) -> list[Change]:
    return [Change(name=name, calls=one.calls, old=old[name].micro, new=one.micro) for name, one in new.items()]


def _worst_first(one: Change) -> tuple[bool, Fraction, int, str]:
    return one.rise is not None, -(one.rise or Fraction(0)), -one.new, one.name


def _shock(customers: Sequence[Change]) -> Shock:
    rises = [one.rise for one in reversed(customers)]
    p50, p95, p99 = (rises[-(-len(rises) * percent // 100) - 1] for percent in (50, 95, 99))
    return Shock(p50=p50, p95=p95, p99=p99, worst=rises[-1])


def _at_zero(old: Replayed, new: Replayed) -> list[AtZero]:
    """A period of the old side is the one that began with it; other plans may have other calendars."""
    found = [spell for spell in new.spells.values() if spell.zero_at is not None]
    before = {(spell.account, spell.start): spell.zero_at for spell in old.spells.values()}
    found.sort(key=lambda spell: (spell.zero_at or 0, spell.account))
    return [AtZero(spell=spell, before=before.get((spell.account, spell.start))) for spell in found]

"""Which of several operations costs most, where a request may mean any of them.

Only what holds at every hour and load counts: an operation is the dearest when the least that it can cost is at least
the most that each other one can.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from meter.credits import LIMIT
from meter.policy.model import Adjustment, CommitmentAdjustment, Operation
from meter.pricing.verdict import Matched

UNBOUNDED = Fraction(LIMIT) + 1
"""More than any price can be."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """What an operation costs at least and at most, in micro-credits."""

    least: Fraction
    most: Fraction


FREE = Span(Fraction(-1), Fraction(-1))
"""Below every price, also one of nothing that a minimum lifts."""


def dearest(meanings: Sequence[Matched]) -> Matched | None:
    """The meaning that costs at least as much as each other one; None where that depends."""
    alike = len({_rules(meaning.operation) for meaning in meanings if not meaning.operation.free}) <= 1
    if alike:
        # With the same rules, and a rise that is a share of what is paid, who costs more by each version always does.
        rows = _by_version([[_unadjusted(one) for one in by_version(meaning)] for meaning in meanings])
    else:
        rows = [[_hull([span(one) for one in by_version(meaning)]) for meaning in meanings]]
    best = max(range(len(meanings)), key=rows[0].__getitem__)
    sure = all(row[best].least >= other.most for row in rows for place, other in enumerate(row) if place != best)
    return meanings[best] if sure else None


def by_version(meaning: Matched) -> list[Matched]:
    """A meaning at its price, or at the price of each version where there are several."""
    operation = meaning.operation
    if not operation.versions:
        return [meaning]
    prices = (version.price for version in operation.versions)
    return [replace(meaning, operation=replace(operation, price=price)) for price in prices]


def span(meaning: Matched) -> Span:
    """What a call can cost, whatever hour, load and commitment it meets."""
    operation = meaning.operation
    if operation.free:
        return FREE
    price, step = _unadjusted(meaning), operation.rounding.step
    lowest = prod(min(_multipliers(adjustment)) for adjustment in operation.adjustments)
    highest = prod(max(_multipliers(adjustment)) for adjustment in operation.adjustments)
    return Span(_clamped(price.least * lowest - step, operation), _clamped(price.most * highest + step, operation))


def _by_version(spans: list[list[Span]]) -> list[list[Span]]:
    """What each meaning costs, version by version; a meaning without versions costs the same in all of them."""
    versions = max(len(each) for each in spans)
    return [[each[place] if len(each) > 1 else each[0] for each in spans] for place in range(versions)]


def _hull(spans: list[Span]) -> Span:
    return Span(min(one.least for one in spans), max(one.most for one in spans))


def _rules(operation: Operation) -> object:
    """All that turns a base into a price: with the same rules, the higher base is the higher price."""
    return (operation.adjustments, operation.rounding, operation.maximum)


def _unadjusted(meaning: Matched) -> Span:
    """What a call can cost before adjustments: what the answer decides adds nothing, or all up to the ceiling."""
    operation, price = meaning.operation, meaning.operation.price
    if operation.free:
        return FREE
    ceiling = UNBOUNDED if price.at_most is None else Fraction(price.at_most)
    known = [rate for rate in price.rates if rate.kind.known_before]
    total = Fraction(price.base)
    for rate in known:
        units = meaning.usage.get(rate.meter)
        if units is None:
            return Span(ceiling, ceiling)
        total += units * rate.micro_per_unit
    least = min(total, ceiling)
    return Span(least, least if len(known) == len(price.rates) else ceiling)


def _multipliers(adjustment: Adjustment) -> tuple[Fraction, ...]:
    if isinstance(adjustment, CommitmentAdjustment):
        return (Fraction(1), *(multiply for _, multiply in adjustment.tiers))
    return (Fraction(1), adjustment.multiply)


def _clamped(micro: Fraction, operation: Operation) -> Fraction:
    lifted = max(micro, Fraction(operation.rounding.minimum))
    return lifted if operation.maximum is None else min(lifted, Fraction(operation.maximum))

"""Which of several operations costs most, where a request may mean any of them.

Only what holds at every hour and load counts: an operation is the dearest when the least that it can cost is at least
the most that each other one can.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
    spans = [_unadjusted(meaning) if alike else span(meaning) for meaning in meanings]
    best = max(range(len(spans)), key=spans.__getitem__)
    sure = all(spans[best].least >= other.most for place, other in enumerate(spans) if place != best)
    return meanings[best] if sure else None


def span(meaning: Matched) -> Span:
    """What a call can cost, whatever hour, load and commitment it meets."""
    operation = meaning.operation
    if operation.free:
        return FREE
    price, step = _unadjusted(meaning), operation.rounding.step
    lowest = prod(min(_multipliers(adjustment)) for adjustment in operation.adjustments)
    highest = prod(max(_multipliers(adjustment)) for adjustment in operation.adjustments)
    return Span(_clamped(price.least * lowest - step, operation), _clamped(price.most * highest + step, operation))


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

"""The price of a call that has ended, and of one that runs, by what it has used.

What was frozen when the call came holds: the policy, the moment, the load, the factors. New is what its meters read,
what its app or upstream said, and how it ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from meter.credits import ZERO, Credits
from meter.policy.ends import End
from meter.policy.model import Above, Operation
from meter.pricing import record
from meter.pricing.conditions import Conditions, Factor, minute
from meter.pricing.reckoning import Reckoning, reckon

Readings = Mapping[str, Fraction | None]
"""What the meters of a call read, by their names; None, or no name, where nothing was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """The price of a call that has ended."""

    credits: Credits
    record: str
    """One compact JSON object, which re-rates by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an app, or an upstream it stands for, said of a call's price."""

    list_price: Credits | None = None
    """In place of base and rates."""
    added: Credits = ZERO


def final(
    operation: Operation,
    conditions: Conditions,
    policy: str,
    readings: Readings,
    said: Said,
    *,
    end: End,
    share: Fraction,
) -> Final:
    """Price a call that has ended.

    Args:
        operation: what was called.
        conditions: those of its quote.
        policy: the policy's version, for the record.
        readings: what its meters read; what was not read was not used.
        said: what was said of its price.
        end: how it ended, for the record.
        share: what of its price it pays then: the last factor. At 0 no minimum applies.

    Raises:
        AmountError: the price is above the limit of amounts; an operation with a maximum can't.
    """
    conditions = replace(conditions, moment=minute(conditions.moment))
    reckoning = _ended(reckon(operation, conditions, _read(operation, readings)), operation, said)
    if share != 1:
        outcome = Factor(name=f"outcome {end}", multiply=share, reason="how the call ended")
        reckoning = replace(reckoning, factors=(*reckoning.factors, outcome))
    if not share:
        reckoning = replace(reckoning, rounding=replace(reckoning.rounding, minimum=ZERO))
    written = record.written(operation, conditions, policy, reckoning, conditions.moment)
    return Final(credits=reckoning.credits, record=written)


class Running:
    """What a call that runs costs by now: exact, and cheap enough to ask at every piece of a stream."""

    __slots__ = ("_base", "_rates")

    def __init__(self, operation: Operation, factors: Sequence[Factor]) -> None:
        """Take the factors of the call's quote."""
        product = prod((factor.multiply for factor in factors), start=Fraction(1))
        self._base = operation.price.base * product
        self._rates = tuple((rate.meter, rate.micro_per_unit * product) for rate in operation.price.rates)

    def micro(self, readings: Readings) -> Fraction:
        """Micro-credits, not rounded, and with no ceiling."""
        total = self._base
        for meter, micro_per_unit in self._rates:
            if units := readings.get(meter):
                total += units * micro_per_unit
        return total


def _read(operation: Operation, readings: Readings) -> dict[str, Fraction]:
    return {rate.meter: readings.get(rate.meter) or Fraction(0) for rate in operation.price.rates}


def _ended(reckoning: Reckoning, operation: Operation, said: Said) -> Reckoning:
    overruns = operation.price.above is Above.OVERRUN
    return replace(
        reckoning,
        list_price=said.list_price,
        added=said.added,
        at_most=None if overruns else reckoning.at_most,
    )

"""The price of a call that has ended, and of one that runs, by what it has used.

What was frozen when the call came holds: the policy, the moment, the load, the factors. New is what its meters read,
what its app or upstream said, and how it ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from meter.credits import ZERO, Credits
from meter.policy.ends import End
from meter.policy.model import Above, Operation, Price
from meter.pricing import record
from meter.pricing.adjust import factors
from meter.pricing.conditions import Conditions, Factor, minute
from meter.pricing.reckoning import Reckoning, reckon
from meter.pricing.versions import caps, priced

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
    operation = _overrunning(priced(operation, conditions))
    reckoning = replace(reckon(operation, conditions, _read(operation, readings)), added=said.added)
    if said.list_price is not None:
        # A price that is said has no old one from which it could be a step.
        adjusted = factors(operation.adjustments, conditions)
        reckoning = replace(reckoning, list_price=said.list_price, factors=adjusted)
    reckoning = ended(reckoning, end, share)
    written = record.written(operation, conditions, policy, reckoning, conditions.moment)
    return Final(credits=reckoning.credits, record=written)


def ended(reckoning: Reckoning, end: End, share: Fraction) -> Reckoning:
    """The price of a call that pays so much of it because of how it ended."""
    if share != 1:
        outcome = Factor(name=f"outcome {end}", multiply=share, reason="how the call ended")
        reckoning = replace(reckoning, factors=(*reckoning.factors, outcome))
    if not share:
        reckoning = replace(reckoning, rounding=replace(reckoning.rounding, minimum=ZERO))
    return reckoning


class Running:
    """What a call that runs costs by now: exact, and cheap enough to ask at every piece of a stream."""

    __slots__ = ("_lines",)

    def __init__(self, operation: Operation, conditions: Conditions) -> None:
        """Take the operation at its price in force, and the conditions of the call's quote."""
        product = prod((factor.multiply for factor in factors(operation.adjustments, conditions)), start=Fraction(1))
        price = operation.price
        lines = [_line((price, Fraction(1)))]
        lines += [_line((cap.price, Fraction(1)), (cap.pinned, cap.rise)) for cap in caps(operation, conditions)]
        self._lines = tuple(
            (base * product, tuple((meter, each * product) for meter, each in rates.items())) for base, rates in lines
        )

    def micro(self, readings: Readings) -> Fraction:
        """Micro-credits, not rounded, and with no ceiling."""
        return min(_total(base, rates, readings) for base, rates in self._lines)


Line = tuple[Fraction, dict[str, Fraction]]
"""A base, and micro-credits for each unit of a meter."""


def _line(*parts: tuple[Price, Fraction]) -> Line:
    """Prices taken so many times, together."""
    base, rates = Fraction(0), dict[str, Fraction]()
    for price, times in parts:
        base += price.base * times
        for rate in price.rates:
            rates[rate.meter] = rates.get(rate.meter, Fraction(0)) + rate.micro_per_unit * times
    return base, rates


def _total(base: Fraction, rates: tuple[tuple[str, Fraction], ...], readings: Readings) -> Fraction:
    total = base
    for meter, micro_per_unit in rates:
        if units := readings.get(meter):
            total += units * micro_per_unit
    return total


def _read(operation: Operation, readings: Readings) -> dict[str, Fraction]:
    return {rate.meter: readings.get(rate.meter) or Fraction(0) for rate in operation.rates}


def _overrunning(operation: Operation) -> Operation:
    """The operation without the ceilings that its calls may overrun."""
    versions = (replace(version, price=_unbounded(version.price)) for version in operation.versions)
    return replace(operation, price=_unbounded(operation.price), versions=tuple(versions))


def _unbounded(price: Price) -> Price:
    return replace(price, at_most=None) if price.above is Above.OVERRUN else price

"""A rate card: what a unit of each resource costs, in money."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from meter.economics.cost.units import UNITS, UNRATED, Resource, unit
from meter.economics.cost.usage import Usage
from meter.economics.exact import EconomicsError, decimal_text

STEP = Fraction(1, 10**6)
"""Of money that is shared out: a millionth, so that a cheap operation is not rounded to nothing."""
_DEFAULTS = {Resource.THIRD_PARTY: Fraction(1), Resource.FIXED: Fraction(0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """What resources cost."""

    rates: Mapping[Resource, Fraction] = field(default_factory=dict)
    """Money for one of the resource's own unit."""
    currency: str = "USD"
    step: Fraction = STEP
    """What a bill is shared out in whole numbers of, such as cents."""


def rates_of(written: Iterable[tuple[str, Fraction]]) -> Mapping[Resource, Fraction]:
    """Turn rates by the names of their units into rates of the resources' own units.

    Raises:
        EconomicsError: a unit is unknown, a rate is negative, or two rates are of one resource.
    """
    rates: dict[Resource, Fraction] = {}
    names: dict[Resource, str] = {}
    for name, rate in written:
        resource = _resource(name)
        if rate < 0:
            raise EconomicsError(f"{name} is {decimal_text(rate)}; a rate is never negative: correct it.")
        if resource in names:
            raise EconomicsError(f"{name} and {names[resource]} are rates of one resource; keep one.")
        names[resource] = name
        rates[resource] = rate / UNITS[name].scale
    return rates


def costs_of(usage: Usage, card: RateCard) -> Mapping[Resource, Fraction]:
    """What each resource of usage costs.

    Raises:
        EconomicsError: something was used that has no rate.
    """
    costs = {resource: quantity * _rate(resource, quantity, card) for resource, quantity in usage.quantities.items()}
    fixed = usage.quantities.get(Resource.FIXED, card.rates.get(Resource.FIXED, Fraction(0)))
    return {**costs, Resource.FIXED: fixed}


def _resource(name: str) -> Resource:
    found = unit(name)
    if found.held:
        raise EconomicsError(f"{name} says no time; write {name}_seconds or {name}_hours.")
    return found.resource


def _rate(resource: Resource, quantity: Fraction, card: RateCard) -> Fraction:
    rate = card.rates.get(resource, _DEFAULTS.get(resource))
    if rate is not None:
        return rate
    if quantity and resource not in UNRATED:
        raise EconomicsError(
            f"{resource} is used ({decimal_text(quantity)}) and has no rate; add it to the rate card, with 0 if it is "
            "free."
        )
    return Fraction(0)

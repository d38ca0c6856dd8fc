"""How a price came about, a sentence a step, for people."""

from collections.abc import Iterator

from meter.policy.model import Operation
from meter.pricing.conditions import Conditions
from meter.pricing.reckoning import Reckoning, Use
from meter.pricing.words import amount, number


def sentences(operation: Operation, conditions: Conditions, reckoning: Reckoning) -> tuple[str, ...]:
    """Tell how a reckoning came to its price."""
    if operation.free:
        return (f"{operation.name} is free: 0 credits.", *_drills(conditions))
    return (
        f"{operation.name} costs {amount(reckoning.base)}.",
        *_used(operation, reckoning),
        *_adjusted(reckoning),
        *_rounded(reckoning),
        f"The price is {amount(reckoning.credits)}.",
        *_drills(conditions),
    )


def _used(operation: Operation, reckoning: Reckoning) -> Iterator[str]:
    known = {rate.meter: rate.kind.known_before for rate in operation.price.rates}
    for use in reckoning.uses:
        yield _use(use, known_before=known[use.meter])
    if reckoning.uses:
        yield f"Together that is {amount(reckoning.unadjusted)}{_ceiling(reckoning)}."


def _use(use: Use, *, known_before: bool) -> str:
    each = amount(use.micro_per_unit)
    if use.units is not None:
        return f"{use.meter} adds {number(use.units)} × {each} = {amount(use.units * use.micro_per_unit)}."
    why = "is missing or no plain number" if known_before else "is known after the answer"
    return f"{use.meter}, at {each} each, {why}: the ceiling counts."


def _ceiling(reckoning: Reckoning) -> str:
    return "" if reckoning.at_most is None else f", with a ceiling of {amount(reckoning.at_most)}"


def _adjusted(reckoning: Reckoning) -> Iterator[str]:
    micro = reckoning.unadjusted
    for factor in reckoning.factors:
        micro *= factor.multiply
        yield f"{factor.name} ({factor.reason}) multiplies by {number(factor.multiply)}: {amount(micro)}."


def _rounded(reckoning: Reckoning) -> Iterator[str]:
    rounding, maximum = reckoning.rounding, reckoning.maximum
    if maximum is not None and reckoning.exact > maximum:
        yield f"The maximum is {amount(maximum)}."
    elif reckoning.rounded != reckoning.exact:
        mode = rounding.mode.replace("_", " ")
        yield f"Rounded {mode} to a step of {amount(rounding.step)}: {amount(reckoning.rounded)}."
    if reckoning.rounded < rounding.minimum:
        yield f"The minimum is {amount(rounding.minimum)}."


def _drills(conditions: Conditions) -> Iterator[str]:
    if conditions.drill:
        yield "This is a drill: the clock is fixed by hand."
    if conditions.load.drill:
        yield f"This is a drill: the load is fixed by hand at {number(conditions.load.sample)}."

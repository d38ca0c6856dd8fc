"""How a price came about, a sentence a step, for people."""

from collections.abc import Iterator

from meter.policy.model import Operation
from meter.pricing.conditions import Conditions
from meter.pricing.reckoning import Reckoning, Use
from meter.pricing.versions import is_known, is_pinned, version_of
from meter.pricing.words import amount, moment_text, number


def sentences(operation: Operation, conditions: Conditions, reckoning: Reckoning) -> tuple[str, ...]:
    """Tell how a reckoning came to its price."""
    if operation.free:
        return (f"{operation.name} is free: 0 credits.", *_drills(conditions))
    return (
        f"{operation.name} costs {amount(reckoning.base)}.",
        *_version(operation, conditions),
        *_used(operation, reckoning),
        *_adjusted(reckoning),
        *_rounded(reckoning),
        f"The price is {amount(reckoning.credits)}.",
        *_drills(conditions),
    )


def retold(name: str, reckoning: Reckoning) -> tuple[str, ...]:
    """Tell a reckoning that was written down, by its own numbers alone."""
    return (
        *_listed(name, reckoning),
        *_adjusted(reckoning),
        *_rounded(reckoning),
        f"The price is {amount(reckoning.credits)}.",
    )


def _version(operation: Operation, conditions: Conditions) -> Iterator[str]:
    """By which version of the prices, and why."""
    version, pin = version_of(operation, conditions), conditions.pin
    if version is None:
        return
    if pin is not None and is_pinned(operation, conditions):
        yield f"The account is pinned to prices {pin.version} until {moment_text(pin.until)}."
        return
    if pin is not None and not is_known(operation, pin):
        yield f"The account is pinned to prices {pin.version}, which the policy does not have."
    since = "" if version.effective_at is None else f" since {moment_text(version.effective_at)}"
    yield f"Prices {version.name} are in force{since}."


def _listed(name: str, reckoning: Reckoning) -> Iterator[str]:
    """What was priced before adjustments: base and uses, or what was said in their place."""
    if reckoning.list_price is None:
        yield f"{name} costs {amount(reckoning.base)}."
        yield from (_use(use, known_before=True) for use in reckoning.uses)
    else:
        yield f"{name} was said to cost {amount(reckoning.list_price)}."
    if reckoning.added:
        yield f"{amount(reckoning.added)} were added."
    if reckoning.uses or reckoning.added or reckoning.at_most is not None:
        yield f"Together that is {amount(reckoning.unadjusted)}{_ceiling(reckoning)}."


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
        reason = f" ({factor.reason})" if factor.reason else ""
        yield f"{factor.name}{reason} multiplies by {number(factor.multiply)}: {amount(micro)}."


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

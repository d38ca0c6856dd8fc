"""What an account will pay next, and from when on: by the next version, at the end of its pin, in its next month."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from meter.credits import AmountError, Credits
from meter.policy.model import CommitmentAdjustment, Operation, Policy, Price
from meter.pricing.calendar import month_after, months_begun
from meter.pricing.conditions import CALM, Conditions, minute
from meter.pricing.evidence import NO_USAGE
from meter.pricing.reckoning import Reckoning, reckon
from meter.pricing.terms import Terms, conditions_of
from meter.pricing.verdict import Usage
from meter.pricing.versions import TRANSITION, caps, priced, version_name

MOMENTS_MAX = 120
"""So many changes ahead are looked at: ten years of months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingPrice:
    """The next change of what an account pays for an operation."""

    operation: str
    at: datetime
    """From this minute on, in UTC."""
    prices: str
    """The version of the prices by then."""
    price: Price
    """What that version says."""
    credits: Credits | None
    """What a call costs by then, before adjustments by time and load: with the commitment's, and a walk's rebate. Of a
    price by use, the ceiling; None where it has none before it is known what is asked for."""


def coming_prices(policy: Policy, terms: Terms, moment: datetime) -> tuple[ComingPrice, ...]:
    """The next price of each operation whose price for an account on these terms will change, the soonest first."""
    conditions = conditions_of(terms, moment=moment)
    found = (coming_price(operation, conditions) for operation in policy.operations.values())
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.at, one.operation)))


def coming_price(operation: Operation, conditions: Conditions, usage: Usage = NO_USAGE) -> ComingPrice | None:
    """The next price of one operation, for what is known of a call's usage; None where no change is known.

    Of a price by use whose use is not known, changes are seen in what stands in its version, and at no use and at its
    ceiling in what a walk makes of it.
    """
    if not operation.versions:
        return None
    operation, conditions = _steady(operation), replace(conditions, moment=minute(conditions.moment), load=CALM)
    now = _meaning(operation, conditions, usage)
    for at in _moments(operation, conditions, usage):
        then = replace(conditions, moment=at)
        if _meaning(operation, then, usage) != now:
            reckoning = _reckoned(operation, then, usage)
            return ComingPrice(
                operation=operation.name,
                at=at,
                prices=version_name(operation, then) or "",
                price=priced(operation, then).price,
                credits=None if reckoning is None else reckoning.credits,
            )
    return None


def _steady(operation: Operation) -> Operation:
    """The operation without what changes by the hour."""
    kept = tuple(one for one in operation.adjustments if isinstance(one, CommitmentAdjustment))
    return replace(operation, adjustments=kept)


def _moments(operation: Operation, conditions: Conditions, usage: Usage) -> Iterator[datetime]:
    """The minutes after the present one at which the price can change, in order: no more than ``MOMENTS_MAX``."""
    dated = {one.effective_at for one in operation.versions if one.effective_at is not None}
    dated |= set() if conditions.pin is None else {conditions.pin.until}
    for _ in range(MOMENTS_MAX):
        following = {one for one in dated if one > conditions.moment} | set(_steps(operation, conditions, usage))
        if not following:
            return
        conditions = replace(conditions, moment=min(following))
        yield conditions.moment


def _steps(operation: Operation, conditions: Conditions, usage: Usage) -> Iterator[datetime]:
    """When each cap of an account that still walks is lifted next."""
    if not any(_walks(operation, conditions, one) for one in _usages(operation, usage)):
        return
    for cap in caps(operation, conditions):
        yield month_after(cap.since, months_begun(cap.since, conditions.moment))


def _walks(operation: Operation, conditions: Conditions, usage: Usage) -> bool:
    reckoning = _reckoned(operation, conditions, usage)
    return reckoning is not None and any(factor.name == TRANSITION for factor in reckoning.factors)


def _meaning(operation: Operation, conditions: Conditions, usage: Usage) -> object:
    """What tells one price from another: what a call costs, and where that depends on its use, how."""
    usages = _usages(operation, usage)
    reckonings = (_reckoned(operation, conditions, one) for one in usages)
    costs = [None if one is None else one.credits for one in reckonings]
    return costs if len(usages) == 1 else (costs, priced(operation, conditions).price)


def _usages(operation: Operation, usage: Usage) -> tuple[Usage, ...]:
    """What is known of a call's use; where that is not all, with nothing and with everything in place of the rest."""
    unknown = {rate.meter: Fraction(0) for rate in operation.rates if usage.get(rate.meter) is None}
    return ({**usage, **unknown}, usage) if unknown else (usage,)


def _reckoned(operation: Operation, conditions: Conditions, usage: Usage) -> Reckoning | None:
    """What a call costs; None where that has no bound before it is known what is asked for."""
    try:
        return reckon(operation, conditions, usage)
    except AmountError:
        return None

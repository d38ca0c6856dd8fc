"""What each adjustment of a policy does to a price, under given conditions."""

from meter.policy.model import Adjustment, CommitmentAdjustment, LoadAdjustment, TimeAdjustment
from meter.pricing.calendar import within
from meter.pricing.conditions import Conditions, Factor
from meter.pricing.words import amount, number

DISCOUNT = "plan discount"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def factors(adjustments: tuple[Adjustment, ...], conditions: Conditions) -> tuple[Factor, ...]:
    """The factors that apply, in the order of the file, and the discount of the account's plan after them."""
    found = (factor(adjustment, conditions) for adjustment in adjustments)
    return (*(one for one in found if one is not None), *_discounts(conditions))


def factor(adjustment: Adjustment, conditions: Conditions) -> Factor | None:
    """The factor of one adjustment; None where it does not apply."""
    match adjustment:
        case TimeAdjustment():
            return _by_time(adjustment, conditions)
        case LoadAdjustment():
            return _by_load(adjustment, conditions)
        case CommitmentAdjustment():
            return _by_commitment(adjustment, conditions)


def _discounts(conditions: Conditions) -> tuple[Factor, ...]:
    if conditions.discount == 1:
        return ()
    return (Factor(name=DISCOUNT, multiply=conditions.discount, reason="the discount of the account's plan"),)


def _by_time(window: TimeAdjustment, conditions: Conditions) -> Factor | None:
    if not within(window, conditions.moment):
        return None
    return Factor(name=window.name, multiply=window.multiply, reason=_described(window))


def _by_load(rule: LoadAdjustment, conditions: Conditions) -> Factor | None:
    if rule.name not in conditions.load.on:
        return None
    reason = f"load {number(conditions.load.sample)}; on above {number(rule.above)}, off below {number(rule.until)}"
    return Factor(name=rule.name, multiply=rule.multiply, reason=reason)


def _by_commitment(rule: CommitmentAdjustment, conditions: Conditions) -> Factor | None:
    reached = [tier for tier in rule.tiers if tier[0] <= conditions.commitment]
    if not reached:
        return None
    threshold, multiply = reached[-1]
    reason = f"commitment of {amount(conditions.commitment)}; from {amount(threshold)} on"
    return Factor(name=rule.name, multiply=multiply, reason=reason)


def _described(window: TimeAdjustment) -> str:
    hours = f"{window.start:%H:%M} to {window.end:%H:%M} {window.zone.key}"
    if len(window.weekdays) == len(WEEKDAYS):
        return hours
    return f"{hours} on {', '.join(WEEKDAYS[day] for day in sorted(window.weekdays))}"

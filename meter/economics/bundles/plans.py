"""The plans of a policy as offers: those that are sold, those that are given away, and those that can't be compared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from meter.credits import MICRO, Credits
from meter.economics.bundles.offer import ONE, Offer
from meter.economics.exact import EconomicsError
from meter.policy.model import CommitmentAdjustment, Operation, PeriodUnit, Plan, Policy, TimeAdjustment
from meter.policy.plans import Duration, allows

THOUSAND = 1000
MONTHS_A_YEAR = 12
Tiers = tuple[tuple[Fraction, Fraction], ...]
Length = tuple[PeriodUnit, Duration | None, str | None]
"""What plans must share to be compared: how long their period is, and their currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What the plans of a policy offer."""

    paid: tuple[Offer, ...]
    free: tuple[Offer, ...]
    """Plans without a price, and trials."""
    left_out: tuple[str, ...]
    """A sentence for each plan that is not among those that are sold, with the reason."""
    currency: str | None
    period: PeriodUnit
    tiers: Mapping[str, Tiers]
    """Of each commitment adjustment, its thresholds and factors."""


def offers(policy: Policy, list_price: Fraction | None) -> Offers:
    """Read the offers of a policy; those of a year count as twelve months.

    Args:
        policy: with its plans.
        list_price: of a credit, which is that beyond a plan that has no price of its own for it.

    Raises:
        EconomicsError: there is no plan, or none with a price and credits.
    """
    sold = [plan for plan in policy.plans.values() if plan.price and plan.included]
    if not sold:
        raise EconomicsError(_nothing_sold(policy))
    length = _shared(sold)
    compared = [plan for plan in sold if _length(plan) == length]
    return Offers(
        paid=tuple(_offer(plan, policy, list_price) for plan in compared),
        free=tuple(_given_away(policy, length)),
        left_out=tuple(_sentences(policy, length)),
        currency=length[2],
        period=length[0],
        tiers=_tiers(policy),
    )


def whole(amount: Credits) -> Fraction:
    """An amount in whole credits."""
    return Fraction(amount, MICRO)


def _nothing_sold(policy: Policy) -> str:
    if not policy.plans:
        return "There is no plan in the policy; write plans with what they include and their price."
    named = ", ".join(policy.plans)
    return f"No plan has both a price and included credits: {named}; write price and included of those that are sold."


def _shared(sold: list[Plan]) -> Length:
    """Months where some plan has them, else what the first plan has."""
    monthly = [plan for plan in sold if _length(plan)[0] is PeriodUnit.MONTH]
    return _length((monthly or sold)[0])


def _length(plan: Plan) -> Length:
    unit = PeriodUnit.MONTH if plan.period is PeriodUnit.YEAR else plan.period
    return unit, plan.every, plan.currency


def _offer(plan: Plan, policy: Policy, list_price: Fraction | None) -> Offer:
    months = MONTHS_A_YEAR if plan.period is PeriodUnit.YEAR else 1
    own = plan.overage.price_per_thousand if plan.overage else None
    operations = _callable(plan, policy)
    included = max(plan.commitment, plan.included)
    return Offer(
        name=plan.name,
        price=(plan.price or Fraction(0)) / months,
        credits=whole(plan.included) / months,
        overage=list_price if own is None else own / THOUSAND,
        standing=(plan.discount or ONE) * min((_committed(one, plan.commitment) for one in operations), default=ONE),
        passing=min((_best_hour(one) * _deeper(one, plan.commitment, included) for one in operations), default=ONE),
    )


def _callable(plan: Plan, policy: Policy) -> list[Operation]:
    named = policy.operations.values()
    return [one for one in named if not one.free and allows(plan.operations, one.name)]


def _committed(operation: Operation, commitment: Credits) -> Fraction:
    """The factor of all commitment adjustments that a commitment reaches."""
    product = ONE
    for rule in operation.adjustments:
        if isinstance(rule, CommitmentAdjustment):
            reached = [multiply for threshold, multiply in rule.tiers if threshold <= commitment]
            product *= reached[-1] if reached else ONE
    return product


def _deeper(operation: Operation, commitment: Credits, included: Credits) -> Fraction:
    """How much deeper the factor is for those who commit to all that they have included."""
    now = _committed(operation, commitment)
    return min(ONE, _committed(operation, included) / now)


def _best_hour(operation: Operation) -> Fraction:
    """The deepest factor of one window; two that meet may go deeper."""
    windows = [rule.multiply for rule in operation.adjustments if isinstance(rule, TimeAdjustment)]
    return min(ONE, *windows) if windows else ONE


def _given_away(policy: Policy, length: Length) -> Iterator[Offer]:
    for plan in policy.plans.values():
        if _is_free(plan) and _lasts(plan, length):
            yield _offer(plan, policy, None)
        if plan.trial:
            yield Offer(name=f"the trial of {plan.name}", price=Fraction(0), credits=whole(plan.trial.credits))


def _is_free(plan: Plan) -> bool:
    """Whether anybody may have it for nothing; who commits to an amount has a contract."""
    return not plan.price and not plan.commitment and plan.included > 0


def _lasts(plan: Plan, length: Length) -> bool:
    """Whether its period is as long; what is free has no currency."""
    return _length(plan)[:2] == length[:2]


def _sentences(policy: Policy, length: Length) -> Iterator[str]:
    for plan in policy.plans.values():
        if _is_free(plan) and not _lasts(plan, length):
            yield f"{plan.name} has no price and another period than {length[0]}, and is left out."
        elif _is_free(plan):
            yield f"{plan.name} has no price, and counts as given away; if it is sold, write its price."
        elif not plan.price:
            yield f"{plan.name} has no price, and is left out; write its price to see what it earns."
        elif not plan.included:
            yield f"{plan.name} includes no credits, and is left out; there is no bundle to measure."
        elif _length(plan) != length:
            yield f"{plan.name} has another period or currency than {_named(length)}, and is left out."


def _named(length: Length) -> str:
    unit, _, currency = length
    return f"{unit} in {currency}" if currency else str(unit)


def _tiers(policy: Policy) -> dict[str, Tiers]:
    """Each commitment adjustment once; where two of one name differ, the second is named with its operation."""
    found: dict[str, Tiers] = {}
    for operation in policy.operations.values():
        for rule in operation.adjustments:
            if isinstance(rule, CommitmentAdjustment):
                tiers = tuple((whole(threshold), multiply) for threshold, multiply in rule.tiers)
                if found.setdefault(rule.name, tiers) != tiers and tiers not in found.values():
                    found[f"{rule.name} of {operation.name}"] = tiers
    return found

"""Arbitrage that needs no data: what a policy sells cheaper by another way, or below its cost at its worst corner."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from itertools import combinations, product
from math import ceil

from meter.credits import MICRO, ZERO, Credits, text
from meter.economics.exact import decimal_text, percent_text
from meter.policy.model import CommitmentAdjustment, LoadAdjustment, Operation, Plan, Policy, TimeAdjustment
from meter.policy.plans import allows
from meter.pricing.conditions import Conditions, LoadReading, minute
from meter.pricing.reckoning import reckon
from meter.pricing.versions import priced

BATCH = re.compile(r"(?<![a-z0-9])(?:batch|bulk)[._-]|[._-](?:batch|bulk)$")
"""What the name of an operation holds that does many of another at once: ``image.resize.batch``."""
WEEK_DAYS = 7


class Kind(StrEnum):
    """By which way something is cheaper than it was meant to be."""

    BATCH = "batch"
    """Many at once cost less for each than one by one."""
    CORNER = "corner"
    """Where night, commitment and plan meet, a call is paid with less than it costs."""
    STACKING = "stacking"
    """Several subscriptions of a small plan give more for less than one of a larger plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arbitrage:
    """One way; ``worse`` is the share by which it is cheaper, or of its revenue that a call loses."""

    kind: Kind
    subject: str
    """The operation or the plan."""
    sentence: str
    worse: Fraction


def arbitrages(policy: Policy, costs: Mapping[str, Fraction], moment: datetime) -> tuple[Arbitrage, ...]:
    """All that a policy leaves open, kind by kind, the worst first.

    Args:
        policy: what is sold.
        costs: money that a call costs on average, by operation; an operation without is in no corner.
        moment: the corners of the seven days after it are looked at.
    """
    found = [*_batches(policy), *_corners(policy, costs, moment), *_stacks(policy.plans.values())]
    order = list(Kind)
    return tuple(sorted(found, key=lambda one: (order.index(one.kind), -one.worse, one.subject)))


def _batches(policy: Policy) -> Iterator[Arbitrage]:
    for batch in policy.operations.values():
        single = policy.operations.get(_single(batch.name))
        if single is None or single is batch or single.free:
            continue
        for rate in batch.price.rates:
            one = Fraction(single.price.base)
            if rate.micro_per_unit < one:
                share = 1 - rate.micro_per_unit / one
                yield Arbitrage(
                    kind=Kind.BATCH,
                    subject=batch.name,
                    sentence=f"{batch.name} costs {_credits(rate.micro_per_unit)} for each of {rate.meter}, and "
                    f"{single.name} {_credits(one)}: {percent_text(share)} less, in any number.",
                    worse=share,
                )


def _single(name: str) -> str:
    """The name of what a batch does many of: the name without its word for many."""
    return BATCH.sub("", name)


def _credits(micro: Fraction) -> str:
    return f"{decimal_text(micro / MICRO)} credits"


def _corners(policy: Policy, costs: Mapping[str, Fraction], moment: datetime) -> Iterator[Arbitrage]:
    sold = [plan for plan in policy.plans.values() if plan.price and plan.included]
    for operation in policy.operations.values():
        cost = costs.get(operation.name)
        if cost and not operation.free and not operation.price.rates:
            for plan in (one for one in sold if allows(one.operations, operation.name)):
                yield from _corner(operation, plan, cost, moment)


def _corner(operation: Operation, plan: Plan, cost: Fraction, moment: datetime) -> Iterator[Arbitrage]:
    """The cheapest call that a plan can buy, where it costs more than it brings in."""
    assert plan.price is not None
    least, conditions = min(_prices(operation, plan, moment), key=lambda one: one[0])
    revenue = least * plan.price / plan.included
    if revenue < cost:
        yield Arbitrage(
            kind=Kind.CORNER,
            subject=operation.name,
            sentence=f"{operation.name} costs {decimal_text(cost)} a call, and is paid with {text(least)} credits "
            f"worth {decimal_text(revenue)} on plan {plan.name}{_where(operation, conditions)}.",
            worse=(cost - revenue) / revenue if revenue else cost,
        )


def _prices(operation: Operation, plan: Plan, moment: datetime) -> Iterator[tuple[Credits, Conditions]]:
    discount = Fraction(1) if plan.discount is None else plan.discount
    # The cheapest corner alone would do, but which one it is depends on the rules: all are few.
    for at, load, commitment in product(
        _moments(operation, moment), _loads(operation), sorted(_commitments(operation, plan))
    ):
        conditions = Conditions(
            moment=at, load=LoadReading(on=load), commitment=commitment, pin=plan.pin, discount=discount
        )
        yield reckon(priced(operation, conditions), conditions, {}).credits, conditions


def _moments(operation: Operation, moment: datetime) -> list[datetime]:
    """The moments of a week at which prices can change, and now: between two of them they stay."""
    windows = [one for one in operation.adjustments if isinstance(one, TimeAdjustment)]
    days = [moment.date() + timedelta(days=day) for day in range(WEEK_DAYS)]
    edges = {
        datetime.combine(day, clock, window.zone).astimezone(UTC)
        for window in windows
        for clock in (window.start, window.end)
        for day in days
    }
    return [minute(moment), *sorted(edges)]


def _loads(operation: Operation) -> list[frozenset[str]]:
    names = [one.name for one in operation.adjustments if isinstance(one, LoadAdjustment)]
    return [frozenset(chosen) for size in range(len(names) + 1) for chosen in combinations(names, size)]


def _commitments(operation: Operation, plan: Plan) -> set[Credits]:
    """What an account of a plan may be committed to: what the plan says, or any tier."""
    tiers = (one.tiers for one in operation.adjustments if isinstance(one, CommitmentAdjustment))
    return {ZERO, plan.commitment, *(least for tier in tiers for least, _ in tier)}


def _where(operation: Operation, conditions: Conditions) -> str:
    from_time = any(isinstance(one, TimeAdjustment) for one in operation.adjustments)
    parts = [f", at {conditions.moment:%a %H:%M} UTC" if from_time else ""]
    parts += [f", committed to {text(conditions.commitment)} a month"] if conditions.commitment else []
    parts += [f", at {percent_text(conditions.discount, 0)} of the price"] if conditions.discount != 1 else []
    return "".join(parts)


def _stacks(plans: Iterable[Plan]) -> Iterator[Arbitrage]:
    """Plans of the same period and currency, each against so many of a smaller one that they give as much."""
    sold = [plan for plan in plans if plan.price is not None and plan.included]
    for small, large in product(sold, sold):
        assert small.price is not None
        assert large.price is not None
        if (small.period, small.every) != (large.period, large.every) or small.currency != large.currency:
            continue
        copies = ceil(Fraction(large.included, small.included))
        if copies > 1 and copies * small.price < large.price:
            yield Arbitrage(
                kind=Kind.STACKING,
                subject=large.name,
                sentence=f"{copies} × {small.name} give {text(Credits(copies * small.included))} credits for "
                f"{decimal_text(copies * small.price)}; {large.name} gives {text(large.included)} for "
                f"{decimal_text(large.price)}.",
                worse=1 - copies * small.price / large.price,
            )

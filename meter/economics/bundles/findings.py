"""What is wrong with plans: a code, and a sentence that names the values and the fix. Advice: nobody pays by it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor

from meter.economics.bundles.holes import Breakeven, Cliff, Farm, Stack
from meter.economics.bundles.suggest import Bundles, Market, Suggestion
from meter.economics.exact import decimal_text, percent_text


class Code(StrEnum):
    """The name of a finding, for scripts."""

    LOSS = "BND001"
    """A plan loses money when all of it is used."""
    TARGET = "BND002"
    """A plan misses its target when all of it is used."""
    OBSERVED = "BND003"
    """A plan misses its target at the observed use that it should cover."""
    SMALL = "BND004"
    """A plan does not cover the observed use that it should cover."""
    SECOND = "BND005"
    """A second account is cheaper than overage before any other plan is."""
    IDLE = "BND006"
    """No use makes a bigger plan cheaper than overage on a smaller one."""
    CLIFF = "BND007"
    """Committing to more costs less."""
    FARM = "BND008"
    """Free accounts stand in for a paid plan."""
    STACK = "BND009"
    """Smaller plans together include as much for less."""
    DISCOUNTS = "BND010"
    """Discounts that meet take a plan below its cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong."""

    code: Code
    subject: str
    """The plan, or the adjustment."""
    sentence: str


def findings(bundles: Bundles, market: Market) -> tuple[Finding, ...]:
    """All that is wrong, in the order of the plans, then of what lies between them."""
    return (
        *(found for plan in bundles.plans for found in _of_plan(plan, market)),
        *_second_accounts(bundles),
        *(_idle(one) for one in bundles.breakevens if not one.second and not one.pays),
        *(_cliff(name, cliff) for name, cliff in bundles.cliffs),
        *_farms(bundles),
        *(_stack(stack, bundles) for stack in bundles.stacks),
    )


def _of_plan(plan: Suggestion, market: Market) -> Iterator[Finding]:
    yield from _at_full_use(plan, market)
    yield from _at_observed_use(plan, market)
    net = plan.stacked
    if plan.offer.passing < 1 and (net.margin is None or net.margin < 0):
        yield Finding(
            code=Code.DISCOUNTS,
            subject=plan.offer.name,
            sentence=(
                f"{plan.offer.name} brings in {decimal_text(net.net)} for a credit of the table when its discounts "
                f"meet (× {decimal_text(plan.offer.standing)} always, × {decimal_text(plan.offer.passing)} at the "
                f"best hour for who commits to what is included), and that credit costs {decimal_text(market.cost)}; "
                "let one discount hold at a time, or none on included credits."
            ),
        )


def _at_full_use(plan: Suggestion, market: Market) -> Iterator[Finding]:
    full = next(one.margin for one in plan.margins if one.share is None and one.utilisation == 1)
    if full >= market.target or plan.target_reached is None or plan.at_target is None:
        return
    yield Finding(
        code=Code.LOSS if full < 0 else Code.TARGET,
        subject=plan.offer.name,
        sentence=(
            f"{plan.offer.name} earns {percent_text(full)} when all of its {_whole(plan.offer.credits)} credits are "
            f"used, and its target of {percent_text(market.target)} only up to {percent_text(plan.target_reached)} of "
            f"them; include {floor(plan.at_target):,} to earn it at any use."
        ),
    )


def _at_observed_use(plan: Suggestion, market: Market) -> Iterator[Finding]:
    if plan.anchor is None:
        return
    at = next(one for one in plan.margins if one.share == market.share)
    named = f"{percent_text(market.share, 0)} of {_accounts(plan)}"
    if at.margin < market.target:
        yield Finding(
            code=Code.OBSERVED,
            subject=plan.offer.name,
            sentence=(
                f"{plan.offer.name} earns {percent_text(at.margin)} at the use that {named} stay within, "
                f"{_whole(plan.anchor.credits)} credits, below its target of {percent_text(market.target)}; raise its "
                "price, or include less."
            ),
        )
    if plan.anchor.credits > plan.offer.credits:
        yield Finding(
            code=Code.SMALL,
            subject=plan.offer.name,
            sentence=(
                f"{plan.offer.name} includes {_whole(plan.offer.credits)} credits, which covers "
                f"{percent_text(plan.anchor.covered)} of {_accounts(plan)}; {_whole(plan.anchor.credits)} would cover "
                f"{percent_text(market.share, 0)}."
            ),
        )


def _accounts(plan: Suggestion) -> str:
    assert plan.anchor is not None, "only who has observed use asks whose it is"
    return "all accounts' periods" if plan.anchor.everyone else "its accounts' periods"


def _second_accounts(bundles: Bundles) -> Iterator[Finding]:
    """Of each plan that a second account relieves sooner than any bigger plan does, the soonest such account."""
    for plan in bundles.plans:
        paying = [one for one in bundles.breakevens if one.plan == plan.offer.name and one.pays]
        first = min((one for one in paying if not one.second), key=lambda one: one.credits, default=None)
        second = min((one for one in paying if one.second), key=lambda one: one.credits, default=None)
        if second and (first is None or second.credits < first.credits):
            yield _second(second, first)


def _second(one: Breakeven, first: Breakeven | None) -> Finding:
    bigger = f"{first.other} is so from {_whole(first.credits)} on" if first else "no bigger plan ever is"
    return Finding(
        code=Code.SECOND,
        subject=one.plan,
        sentence=(
            f"A second account, on {one.other}, is cheaper than overage on {one.plan} from {_whole(one.credits)} "
            f"credits on; {bigger}. Lower the overage to what a credit of {one.other} costs, or add a plan between."
        ),
    )


def _idle(one: Breakeven) -> Finding:
    return Finding(
        code=Code.IDLE,
        subject=one.other,
        sentence=(
            f"{one.other} would be cheaper than overage on {one.plan} only from {_whole(one.credits)} credits on, "
            f"more than it includes; raise the overage of {one.plan}, or include more in {one.other}."
        ),
    )


def _cliff(name: str, cliff: Cliff) -> Finding:
    reach = "from" if cliff.first else "above"
    return Finding(
        code=Code.CLIFF,
        subject=name,
        sentence=(
            f"{name}: whoever uses {reach} {_exact(cliff.above)} and below {_exact(cliff.below)} credits pays less by "
            f"committing to {_exact(cliff.threshold)} at × {decimal_text(cliff.multiply)}, which is "
            f"{_exact(cliff.total)} in all: up to {_exact(cliff.dearest)} credits less. Give the factor to what lies "
            "above the threshold alone."
        ),
    )


def _farms(bundles: Bundles) -> Iterator[Finding]:
    """Of each free plan, the paid one that the fewest of its accounts stand in for."""
    for free in dict.fromkeys(farm.free for farm in bundles.farms):
        farm = min((one for one in bundles.farms if one.free == free), key=lambda one: one.accounts)
        yield _farm(farm)


def _farm(farm: Farm) -> Finding:
    return Finding(
        code=Code.FARM,
        subject=farm.free,
        sentence=(
            f"{farm.accounts:,} accounts on {farm.free} stand in for {farm.paid}: they save its "
            f"{_money(farm.saved)} a period and cost you {_money(farm.cost)}; ask for a card or a "
            "verified company, or give less away."
        ),
    )


def _stack(stack: Stack, bundles: Bundles) -> Finding:
    price = next(plan.offer.price for plan in bundles.plans if plan.offer.name == stack.big)
    pieces = " and ".join(f"{number:,} × {name}" for name, number in stack.pieces)
    return Finding(
        code=Code.STACK,
        subject=stack.big,
        sentence=(
            f"{pieces} include {_whole(stack.credits)} credits for {_money(stack.price)}, less than "
            f"{stack.big} for {_money(price)}; let {stack.big} cost less a credit than the smaller plans."
        ),
    )


def _whole(credits: Fraction) -> str:  # noqa: A002
    """Credits that are needed, as people read them: whole ones, rounded up."""
    return f"{ceil(credits):,}"


def _exact(number: Fraction) -> str:
    return f"{int(number):,}" if number.denominator == 1 else decimal_text(number)


def _money(money: Fraction) -> str:
    return decimal_text(money if money.denominator == 1 else round(money, 4))

"""501 to 505: plans: what a full one leaves, and when another way to buy the same credits is cheaper."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from meter.economics.bundles.holes import breakeven, farms
from meter.economics.bundles.margin import plan_margin
from meter.economics.bundles.methods import THOUSAND, credits_at_target
from meter.economics.bundles.offer import ONE, Offer
from meter.economics.bundles.plans import offers
from meter.economics.lint.finding import Found
from meter.economics.lint.subject import Subject, in_credits
from meter.economics.lint.writing import credits_text, money, share
from meter.economics.table.margins import price_from_margin
from meter.policy.model import Plan

DISCOUNT_MAX = Fraction(1, 4)
"""A bundle that sells a credit for a quarter less than the list is worth a look."""
ACCOUNTS_MAX = 100
"""So many free accounts are farmed by a script; a plan that they can't replace is safe."""


def thin_plan(subject: Subject) -> Iterator[Found]:
    """MTR501."""
    cost, floor = subject.cost_per_credit or Fraction(0), subject.economics.margin_floor or Fraction(0)
    for plan in _sold(subject):
        included, standing = in_credits(plan.included), _standing(subject, plan)
        left, spent = plan_margin(_price(plan), included, cost, ONE), included * cost
        least = plan_margin(_price(plan), included, cost / standing, ONE)
        if least < floor:
            problem = (
                f"plan {plan.name} leaves {share(left)} when all its credits are used"
                f" ({credits_text(plan.included)} × {money(cost)} = {money(spent)} of {money(_price(plan))})"
                f"{_discounted(standing, least)}, below the alarm of {share(floor)}"
            )
            most = int(credits_at_target(_price(plan), cost / standing, floor) or 0)
            fix = f"include at most {most:,} credits, or ask {money(price_from_margin(spent / standing, floor))}."
            yield Found(place=plan.place, problem=problem, fix=fix)


def second_plan(subject: Subject) -> Iterator[Found]:
    """MTR502."""
    plans = sorted(_sold(subject), key=_price)
    for plan in plans:
        rate, included = _overage_rate(subject, plan), in_credits(plan.included)
        if not rate or not plan.overage:
            continue
        second = breakeven(_price(plan), included, 2 * _price(plan), rate)
        if second >= min(2 * included, included + in_credits(plan.overage.limit)):
            continue
        problem = (
            f"from {_count(second)} credits a period on, a second {plan.name} for {money(_price(plan))}"
            " is cheaper than overage"
        )
        larger = next((one for one in plans if _price(one) > _price(plan) and _alike(one, plan)), None)
        if larger is not None:
            even = breakeven(_price(plan), included, _price(larger), rate)
            problem += f"; {larger.name} is so only from {_count(even)} on" if even > second else ""
        fix = "allow one plan a customer, sell packs at the plan's own rate, or price overage below it."
        yield Found(place=plan.place, problem=problem, fix=fix)


def dominated_plan(subject: Subject) -> Iterator[Found]:
    """MTR503."""
    rising = sorted(_sold(subject), key=lambda plan: (_price(plan), plan.included))
    for small, large in ((small, large) for alike in _comparable(rising) for small, large in pairwise(alike)):
        if _per_credit(large) > _per_credit(small):
            problem = (
                f"a credit of {large.name} costs {money(_per_credit(large))}, more than the {money(_per_credit(small))}"
                f" of the smaller plan {small.name}"
            )
            least = in_credits(small.included) * _price(large) / _price(small)
            fix = f"include {-(-least // 1):,} credits or more, or ask less."
            yield Found(place=large.place, problem=problem, fix=fix)


def deep_bundle(subject: Subject) -> Iterator[Found]:
    """MTR504."""
    for plan in _sold(subject):
        off = 1 - _per_credit(plan) / subject.price
        if off > DISCOUNT_MAX:
            listed = in_credits(plan.included) * subject.price
            problem = (
                f"{credits_text(plan.included)} of plan {plan.name} are {money(listed)} at the list and sold for"
                f" {money(_price(plan))}: {share(off)} off before any other discount"
            )
            fix = "mean it: margins are to be reckoned with the plan's price of a credit, not with the list's."
            yield Found(place=plan.place, problem=problem, fix=fix)


def farmed_plan(subject: Subject) -> Iterator[Found]:
    """MTR505."""
    for free in subject.policy.plans.values():
        if free.price or free.commitment or not free.included:
            continue
        paid = min((plan for plan in _sold(subject) if plan.period is free.period), key=_price, default=None)
        if paid is None:
            continue
        for farm in farms([_offer(free)], [_offer(paid)], subject.cost_per_credit or Fraction(0)):
            if farm.accounts <= ACCOUNTS_MAX:
                problem = f"{farm.accounts} accounts on {free.name} have what {paid.name} sells for {money(farm.saved)}"
                problem += f", and cost {money(farm.cost)} to serve" if farm.cost else ""
                fix = "give them once (period: none), fewer of them, or only to verified people."
                yield Found(place=free.place, problem=problem, fix=fix)


def _sold(subject: Subject) -> list[Plan]:
    return [plan for plan in subject.policy.plans.values() if plan.price and plan.included]


def _price(plan: Plan) -> Fraction:
    return plan.price or Fraction(0)


def _per_credit(plan: Plan) -> Fraction:
    return _price(plan) / in_credits(plan.included)


def _standing(subject: Subject, plan: Plan) -> Fraction:
    """By what all prices of a plan are multiplied: each of its credits buys as much more work."""
    alone = replace(subject.policy, plans={plan.name: plan})
    return offers(alone, subject.economics.price_per_credit).paid[0].standing


def _discounted(standing: Fraction, left: Fraction) -> str:
    return "" if standing == 1 else f", and {share(left)} at its own discount of × {money(standing)}"


def _offer(plan: Plan) -> Offer:
    return Offer(name=plan.name, price=_price(plan), credits=in_credits(plan.included))


def _alike(one: Plan, other: Plan) -> bool:
    """Whether two plans have the same period and currency, so that their prices can be compared."""
    return (one.period, one.every, one.currency) == (other.period, other.every, other.currency)


def _comparable(plans: list[Plan]) -> Iterator[list[Plan]]:
    """Plans with the others that they can be compared with, in their order."""
    rest = plans
    while rest:
        yield [plan for plan in rest if _alike(plan, rest[0])]
        rest = [plan for plan in rest if not _alike(plan, rest[0])]


def _overage_rate(subject: Subject, plan: Plan) -> Fraction | None:
    """Money for a credit beyond the grants: the plan's own, else the list price."""
    if plan.overage is None:
        return None
    own = plan.overage.price_per_thousand
    return subject.economics.price_per_credit if own is None else own / THOUSAND


def _count(number: Fraction) -> str:
    return f"{-(-number.numerator // number.denominator):,}"

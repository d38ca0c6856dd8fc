"""501 to 505: plans: what a full one leaves, and when another way to buy the same credits is cheaper."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from meter.economics.lint.finding import Found
from meter.economics.lint.subject import Subject, in_credits
from meter.economics.lint.writing import credits_text, money, share
from meter.policy.model import Plan

DISCOUNT_MAX = Fraction(1, 4)
"""A bundle that sells a credit for a quarter less than the list is worth a look."""
ACCOUNTS_MAX = 100
"""So many free accounts are farmed by a script; a plan that they can't replace is safe."""


def thin_plan(subject: Subject) -> Iterator[Found]:
    """MTR501."""
    cost, floor = subject.cost_per_credit or Fraction(0), subject.economics.margin_floor or Fraction(0)
    for plan in _sold(subject):
        spent = in_credits(plan.included) * cost
        margin = 1 - spent / _price(plan)
        if margin < floor:
            problem = (
                f"plan {plan.name} leaves {share(margin)} when all its credits are used"
                f" ({credits_text(plan.included)} × {money(cost)} = {money(spent)} of {money(_price(plan))}),"
                f" below the alarm of {share(floor)}"
            )
            most = (1 - floor) * _price(plan) / cost
            fix = f"include at most {int(most):,} credits, or ask {money(spent / (1 - floor))}."
            yield Found(place=plan.place, problem=problem, fix=fix)


def second_plan(subject: Subject) -> Iterator[Found]:
    """MTR502."""
    plans = sorted(_sold(subject), key=_price)
    for plan in plans:
        rate = _overage_rate(plan)
        whole = in_credits(plan.included)
        if rate is None or _price(plan) >= rate * whole:
            continue
        second = whole + _price(plan) / rate
        problem = (
            f"from {_count(second)} credits a period on, a second {plan.name} for {money(_price(plan))}"
            " is cheaper than overage"
        )
        larger = next((one for one in plans if _price(one) > _price(plan)), None)
        if larger is not None:
            even = whole + (_price(larger) - _price(plan)) / rate
            problem += f"; {larger.name} is so only from {_count(even)} on" if even > second else ""
        fix = "allow one plan a customer, sell packs at the plan's own rate, or price overage below it."
        yield Found(place=plan.place, problem=problem, fix=fix)


def dominated_plan(subject: Subject) -> Iterator[Found]:
    """MTR503."""
    for small, large in pairwise(sorted(_sold(subject), key=lambda plan: (_price(plan), plan.included))):
        if small.period is not large.period or small.currency != large.currency:
            continue
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
        if free.price or not free.included:
            continue
        for plan in sorted(_sold(subject), key=_price)[:1]:
            accounts = -(-plan.included // free.included)
            if accounts <= ACCOUNTS_MAX and plan.period is free.period:
                problem = f"{accounts} accounts on {free.name} have what {plan.name} sells for {money(_price(plan))}"
                cost = subject.cost_per_credit
                if cost:
                    problem += f", and cost {money(accounts * in_credits(free.included) * cost)} to serve"
                fix = "give them once (period: none), fewer of them, or only to verified people."
                yield Found(place=free.place, problem=problem, fix=fix)


def _sold(subject: Subject) -> list[Plan]:
    return [plan for plan in subject.policy.plans.values() if plan.price and plan.included]


def _price(plan: Plan) -> Fraction:
    return plan.price or Fraction(0)


def _per_credit(plan: Plan) -> Fraction:
    return _price(plan) / in_credits(plan.included)


def _overage_rate(plan: Plan) -> Fraction | None:
    """Money for a credit beyond the grants."""
    if plan.overage is None or not plan.overage.price_per_thousand:
        return None
    return plan.overage.price_per_thousand / 1000


def _count(number: Fraction) -> str:
    return f"{-(-number.numerator // number.denominator):,}"

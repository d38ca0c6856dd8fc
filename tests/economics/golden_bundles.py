"""The golden cases about bundles, as calls of the public functions."""

from fractions import Fraction

from meter.economics.bundles import holes, margin, methods

ARTICLE = {"starter": (29, 50_000), "pro": (99, 250_000)}
"""The plans of a case that names none."""
MONTHS = (28, 30, 31)


def plan_margin(price, credits, cost, utilisation):  # noqa: A002 - the case says so
    return margin.plan_margin(*map(Fraction, (price, credits, cost, utilisation)))


def utilisation_for_target(cost, target, **plans):
    return {
        name: margin.utilisation_for_target(Fraction(price), Fraction(included), Fraction(cost), Fraction(target))
        for name, (price, included) in (plans or ARTICLE).items()
    }


def breakeven(overage, **plans):
    (first, (price, included)), *others = plans.items()
    base = (Fraction(price), Fraction(included))
    found = {f"second_{first}": holes.breakeven(*base, 2 * Fraction(price), Fraction(overage))}
    return found | {name: holes.breakeven(*base, Fraction(other), Fraction(overage)) for name, (other, _) in others}


def method1(price, per_credit, buffer):
    found = methods.method1(Fraction(price), Fraction(per_credit), Fraction(buffer))
    return {"base": found.base, "buffered": found.buffered}


def method2(ops_per_day, avg, days=MONTHS):
    return {str(number): methods.method2(Fraction(ops_per_day), Fraction(avg), int(number)) for number in days}


def net_per_base_credit(plan_price, plan_credits, multipliers, cost):
    found = margin.net_per_base_credit(
        Fraction(plan_price), Fraction(plan_credits), map(Fraction, multipliers), Fraction(cost)
    )
    return {"net": found.net, "margin": found.margin}


FUNCTIONS = {
    "plan_margin": plan_margin,
    "utilisation_for_target": utilisation_for_target,
    "breakeven": breakeven,
    "method1": method1,
    "method2": method2,
    "per_thousand": methods.per_thousand,
    "net_per_base_credit": net_per_base_credit,
}

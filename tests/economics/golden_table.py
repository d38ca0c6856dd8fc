"""The golden functions of the credit table, from texts of fractions."""

from fractions import Fraction

from meter.economics.table.margins import margin, price_from_margin
from meter.economics.table.prices import blended_cost, discount_milli, lerner, min_price
from meter.economics.table.rounding import round_friendly
from meter.economics.table.units import apply_value, normalise, required_credits


def many(written):
    return [Fraction(one) for one in written]


def golden_margin(**given):
    left = margin(*(Fraction(given[name]) for name in ("credits", "price", "cost")))
    return {"abs": left.money, "ratio": str(left.ratio)}


def golden_lerner(cost, eps):
    targets = {"unconstrained": None, "with_target_70": Fraction(7, 10)}
    return {name: lerner(Fraction(cost), Fraction(eps), target) for name, target in targets.items()}


def golden_discount(num, den, unit, step, **given):
    assert unit == "milli-credits"
    return discount_milli(Fraction(given["credits"]), Fraction(num) / Fraction(den), step=Fraction(step))


def golden_price(target, **given):
    return min_price(many(given["costs"]), many(given["credits"]), Fraction(target))


def golden_blend(**given):
    return blended_cost(*(many(given[name]) for name in ("costs", "credits", "mix")))


FUNCTIONS = {
    "normalise": lambda costs, base: normalise(many(costs), base),
    "apply_value": lambda raw, mult: apply_value(many(raw), many(mult)),
    "round_friendly": lambda values, ladder, mode: round_friendly(many(values), many(ladder), mode),
    "required_credits": lambda costs, price, target: required_credits(many(costs), Fraction(price), Fraction(target)),
    "price_from_margin": lambda cost, target: price_from_margin(Fraction(cost), Fraction(target)),
    "min_price": golden_price,
    "blended_cost": golden_blend,
    "margin": golden_margin,
    "lerner": golden_lerner,
    "discount_milli": golden_discount,
}

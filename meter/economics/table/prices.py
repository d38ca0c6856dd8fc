"""The price of a credit, exactly. Money is a ``Fraction`` of one currency throughout."""

from collections.abc import Iterable
from fractions import Fraction

from meter.credits import MICRO, ZERO, Credits, Rounding, RoundingMode, rounded
from meter.economics.exact import EconomicsError, decimal_text
from meter.economics.table.ladders import LADDERS, TEN
from meter.economics.table.margins import check_cost, check_price, paired, price_from_margin
from meter.economics.table.rounding import Mode, friendly

MILLI = 1000
"""Milli-credits in a credit."""
CENT = Fraction(1, 100)


def min_price(costs: Iterable[Fraction], amounts: Iterable[Fraction], target: Fraction) -> Fraction:
    """The least price of a credit at which every operation reaches the target margin, free ones aside.

    Raises:
        EconomicsError: a cost is negative, the target not in [0, 1), or every operation is free.
    """
    return price_from_margin(max(_costs_per_credit(paired(costs, amounts, "credits"))), target)


def blended_cost(costs: Iterable[Fraction], amounts: Iterable[Fraction], mix: Iterable[Fraction]) -> Fraction:
    """What a credit costs over a mix of calls: Σ calls * cost / Σ calls * credits.

    Raises:
        EconomicsError: a cost or a number of calls is negative, or the mix spends no credit.
    """
    mixed = paired(paired(costs, amounts, "credits"), mix, "numbers of calls")
    if least := min((calls for _, calls in mixed if calls < 0), default=None):
        raise EconomicsError(f"{decimal_text(least)} calls are less than none; correct the mix.")
    spent = sum(calls * credit for (_, credit), calls in mixed)
    if not spent:
        raise EconomicsError("The mix spends 0 credits, and so a credit costs nothing; give calls that are not free.")
    return Fraction(sum(calls * check_cost(cost) for (cost, _), calls in mixed)) / spent


def check_blended(blended: Fraction, costs: Iterable[Fraction], amounts: Iterable[Fraction]) -> Fraction:
    """A blended cost of a credit that some mix of the operations has.

    Raises:
        EconomicsError: it is below the least cost of a credit over the operations, or above the greatest.
    """
    priced = paired(costs, amounts, "credits")
    each = _costs_per_credit(priced)
    endless = any(cost and not credit for cost, credit in priced)
    if min(each) <= blended and (endless or blended <= max(each)):
        return blended
    most = "more" if endless else decimal_text(max(each))
    raise EconomicsError(
        f"No mix of these operations makes a credit cost {decimal_text(blended)}: they cost from "
        f"{decimal_text(min(each))} to {most} a credit; correct it, or give the calls of each as volume."
    )


def head_price(least: Fraction) -> Fraction:
    """The lowest price not below another that a head can multiply: 1, 2 or 5 times a power of ten.

    Raises:
        EconomicsError: the other is not above zero.
    """
    digits = len(str(check_price(least).numerator)) - len(str(least.denominator))
    unit = Fraction(TEN) ** (digits - 1)
    return friendly(least / unit, LADDERS["1-2-5"], Mode.CEIL) * unit


def price_quantity(price: Fraction) -> int:
    """The number of credits that a price is best said of: the least of 1, 1000, 1000000, … that cost a cent.

    Raises:
        EconomicsError: the price is not above zero.
    """
    quantity = 1
    while check_price(price) * quantity < CENT:
        quantity *= 1000
    return quantity


def discount_milli(
    amount: Fraction,
    factor: Fraction,
    *,
    step: Fraction = Fraction(1, MILLI),
    mode: RoundingMode = RoundingMode.HALF_UP,
) -> Fraction:
    """A discounted price in milli-credits, rounded once as policies round.

    Args:
        amount: the price before, in credits.
        factor: what is left of it, 0.7 at a discount of 30 %.
        step: of credits, a whole number of micro-credits; the outcome is a multiple of it.
        mode: how it becomes one.

    Raises:
        EconomicsError: the price or the factor is negative, or the step is none.
        AmountError: the outcome is above ``LIMIT``.
    """
    if min(amount, factor) < 0:
        raise EconomicsError(f"{decimal_text(min(amount, factor))} is less than 0; no price comes of it.")
    micro = step * MICRO
    if micro <= 0 or micro.denominator != 1:
        raise EconomicsError(f"{decimal_text(step)} is no step; write a multiple of 0.000001, such as 0.001.")
    rounding = Rounding(mode=mode, step=Credits(micro.numerator), minimum=ZERO)
    return Fraction(rounded(amount * factor * MICRO, rounding) * MILLI, MICRO)


def lerner(cost: Fraction, elasticity: Fraction, target: Fraction | None = None) -> Fraction:
    """The price that earns most where demand has a constant elasticity e: cost * e / (e - 1) (Lerner 1934).

    Args:
        cost: of one more unit.
        elasticity: by how many percent less is bought where the price rises by one; a positive number.
        target: the least margin; the price is at least the one that leaves it.

    Raises:
        EconomicsError: the elasticity is not above one; the cost is negative, or the target not in [0, 1).
    """
    if elasticity <= 1:
        raise EconomicsError(
            f"At an elasticity of {decimal_text(elasticity)} a higher price always earns more, and none earns most; "
            "give one above 1."
        )
    unconstrained = check_cost(cost) * elasticity / (elasticity - 1)
    return unconstrained if target is None else max(unconstrained, price_from_margin(cost, target))


def _costs_per_credit(priced: Iterable[tuple[Fraction, Fraction]]) -> tuple[Fraction, ...]:
    found = tuple(check_cost(cost) / credit for cost, credit in priced if credit)
    if not found:
        raise EconomicsError("Every operation is free, so that a credit has no price; give one of them a price.")
    return found

"""What a plan earns: its margin as its credits are used, and what is left of a credit when discounts meet."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from meter.economics.exact import EconomicsError, decimal_text

ONE = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """What a credit of the table brings in when it is bought in a plan and spent at a discount."""

    net: Fraction
    """Money for a credit's worth of work."""
    margin: Fraction | None
    """None where it brings nothing in."""


def plan_margin(price: Fraction, credits: Fraction, cost: Fraction, utilisation: Fraction) -> Fraction:  # noqa: A002
    """The share of a plan's price that is left when so much of its credits is used.

    Args:
        price: money a period.
        credits: how many are included.
        cost: money for one credit that is spent.
        utilisation: the share of them that is spent, 0 to 1.

    Raises:
        EconomicsError: there is no price to take a share of, or a number is negative.
    """
    refuse_negative(price=price, credits=credits, cost=cost, utilisation=utilisation)
    if not price:
        raise EconomicsError("A price of 0 has no margin; give the plan a price, or leave it out.")
    return 1 - credits * cost * utilisation / price


def utilisation_for_target(price: Fraction, credits: Fraction, cost: Fraction, target: Fraction) -> Fraction | None:  # noqa: A002
    """The share of a plan's credits up to which it earns its target margin: above 1, it earns it whatever is used.

    Returns:
        None where using them costs nothing, so that any share will do.

    Raises:
        EconomicsError: the target is not below 1, or a number is negative.
    """
    refuse_negative(price=price, credits=credits, cost=cost)
    check_target(target)
    full = credits * cost
    return price * (1 - target) / full if full else None


def net_per_base_credit(
    plan_price: Fraction, plan_credits: Fraction, multipliers: Iterable[Fraction], cost: Fraction
) -> Net:
    """What a credit of the table brings in from a plan whose holder pays all prices times ``multipliers``.

    Each of the plan's credits then buys more than a credit's worth of work, which costs what it costs.

    Raises:
        EconomicsError: the plan includes no credits, or a number is negative.
    """
    factors = tuple(multipliers)
    refuse_negative(price=plan_price, credits=plan_credits, cost=cost)
    for factor in factors:
        refuse_negative(multiplier=factor)
    if not plan_credits:
        raise EconomicsError("A plan of 0 credits has no price a credit; say how many it includes.")
    net = plan_price / plan_credits * prod(factors, start=ONE)
    return Net(net=net, margin=1 - cost / net if net else None)


def check_target(target: Fraction) -> None:
    """Refuse a target margin that no price reaches.

    Raises:
        EconomicsError: it is 1 or more.
    """
    if target >= 1:
        raise EconomicsError(f"A margin of {decimal_text(target)} is not below 1; write a share such as 0.7.")


def refuse_negative(**numbers: Fraction) -> None:
    """Refuse numbers below nothing.

    Raises:
        EconomicsError: one is.
    """
    for name, number in numbers.items():
        if number < 0:
            raise EconomicsError(f"The {name} {decimal_text(Fraction(number))} is less than 0; correct it.")

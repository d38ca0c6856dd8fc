"""The margin of a call: the share of its revenue that is left after its cost, (revenue - cost) / revenue."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from meter.economics.exact import EconomicsError, decimal_text

First = TypeVar("First")
Second = TypeVar("Second")


class Loss(StrEnum):
    """A ratio that no number is."""

    WITHOUT_REVENUE = "-inf"
    """A cost that nothing is earned with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What is left of a call."""

    money: Fraction
    ratio: Fraction | Loss | None
    """The share of the revenue; None of a free call that costs nothing, which is no share of anything."""

    def reaches(self, target: Fraction) -> bool:
        """Whether it is at least a target; a call without revenue is where it costs nothing."""
        return self.ratio is None or (isinstance(self.ratio, Fraction) and self.ratio >= target)


def margin(amount: Fraction, price: Fraction, cost: Fraction) -> Margin:
    """What a call that costs an amount of credits leaves at a price of a credit.

    Raises:
        EconomicsError: one of them is negative.
    """
    check_cost(cost)
    if min(amount, price) < 0:
        raise EconomicsError(f"{decimal_text(min(amount, price))} is less than 0; no call is paid for with that.")
    revenue = amount * price
    if revenue == 0:
        return Margin(money=-cost, ratio=Loss.WITHOUT_REVENUE if cost else None)
    return Margin(money=revenue - cost, ratio=(revenue - cost) / revenue)


def price_from_margin(cost: Fraction, target: Fraction) -> Fraction:
    """The price that leaves the target margin on a cost: cost / (1 - target).

    Raises:
        EconomicsError: the cost is negative, or the target not in [0, 1).
    """
    check_target(target)
    return check_cost(cost) / (1 - target)


def check_cost(cost: Fraction) -> Fraction:
    """A cost that can be.

    Raises:
        EconomicsError: it is negative.
    """
    if cost < 0:
        raise EconomicsError(f"A cost of {decimal_text(cost)} is less than 0; correct it.")
    return cost


def check_price(price: Fraction) -> Fraction:
    """A price that is one.

    Raises:
        EconomicsError: it is not above zero.
    """
    if price <= 0:
        raise EconomicsError(f"{decimal_text(price)} is no price of a credit; write money above 0, such as 0.001.")
    return price


def check_target(target: Fraction) -> Fraction:
    """A margin that a price can leave.

    Raises:
        EconomicsError: it is not in [0, 1).
    """
    if not 0 <= target < 1:
        raise EconomicsError(
            f"A margin of {decimal_text(target)} can't be aimed at; write at least 0 and less than 1, such as 0.7."
        )
    return target


def paired(first: Iterable[First], second: Iterable[Second], what: str) -> tuple[tuple[First, Second], ...]:
    """Two of each operation, side by side.

    Raises:
        EconomicsError: there are more of one; ``what`` the second ones are.
    """
    ones, others = tuple(first), tuple(second)
    if len(ones) != len(others):
        raise EconomicsError(f"There are {len(others)} {what} for {len(ones)} operations; give each one.")
    return tuple(zip(ones, others, strict=True))

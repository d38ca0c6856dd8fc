"""What an operation is worth in units of another one: raw credits from costs, then times its value to whoever calls."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from meter.economics.exact import EconomicsError, decimal_text
from meter.economics.table.margins import check_cost, check_price, paired, price_from_margin


def normalise(costs: Sequence[Fraction], base: int) -> tuple[Fraction, ...]:
    """Costs in units of the cost of one of them, counted from zero.

    Raises:
        EconomicsError: a cost is negative, the base's is zero, or there is no such base.
    """
    if not 0 <= base < len(costs):
        raise EconomicsError(f"There is no operation {base} among {len(costs)}; name one of them as the base.")
    if costs[base] == 0:
        raise EconomicsError("The base costs 0, and nothing is a multiple of that; name a base that costs something.")
    return tuple(check_cost(cost) / check_cost(costs[base]) for cost in costs)


def apply_value(raw: Iterable[Fraction], multipliers: Iterable[Fraction]) -> tuple[Fraction, ...]:
    """Raw credits, each times its value multiplier.

    Raises:
        EconomicsError: a multiplier is negative, or there are not as many as operations.
    """
    return tuple(one * _value(multiplier) for one, multiplier in paired(raw, multipliers, "value multipliers"))


def required_credits(costs: Iterable[Fraction], price: Fraction, target: Fraction) -> tuple[Fraction, ...]:
    """The credits at which each operation reaches the target margin: cost / (price * (1 - target)).

    Raises:
        EconomicsError: a cost is negative, the price not above zero, or the target not in [0, 1).
    """
    return tuple(price_from_margin(cost, target) / check_price(price) for cost in costs)


def _value(multiplier: Fraction) -> Fraction:
    if multiplier < 0:
        raise EconomicsError(f"A value of {decimal_text(multiplier)} is less than 0; write 1 for no multiplier.")
    return multiplier

"""A total shared out by declared weights, so that the parts are the total to the last cent.

Idle and overhead by a declared rule are how the OpenCost Specification makes allocated costs equal to billed ones
(https://opencost.io/docs/specification/, Appendix A has ``normalise_node_rates``).
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from fractions import Fraction

from meter.economics.cost.units import Resource
from meter.economics.exact import EconomicsError, decimal_text
from meter.policy.mistakes import instead, shown


class Rule(StrEnum):
    """What idle and overhead are shared out by."""

    DIRECT = "direct"
    """In proportion to what the rate card says that calls cost."""
    CALLS = "calls"
    CPU = "cpu"
    GPU = "gpu"
    DURATION = "duration"
    MEMORY = "memory"
    BYTES = "bytes"
    """Those that leave."""


RESOURCES: Mapping[Rule, Resource] = {
    Rule.CPU: Resource.CPU,
    Rule.GPU: Resource.GPU,
    Rule.DURATION: Resource.DURATION,
    Rule.MEMORY: Resource.MEMORY,
    Rule.BYTES: Resource.OUT,
}
"""What is weighed by each rule that weighs a resource."""


def rule_of(name: str) -> Rule:
    """The rule of a name.

    Raises:
        EconomicsError: there is no such rule.
    """
    try:
        return Rule(name)
    except ValueError as error:
        raise EconomicsError(f"{shown(name)} is no rule to share by; {instead(name, list(Rule))}") from error


def shared_out(total: Fraction, weights: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Parts of a total in proportion to weights, exactly.

    Raises:
        EconomicsError: a weight is negative, or all are zero and there is something to share.
    """
    for weight in weights:
        if weight < 0:
            raise EconomicsError(f"{decimal_text(weight)} is a negative weight; nothing is shared out by it.")
    whole = sum(weights, Fraction(0))
    if not whole and total:
        raise EconomicsError(f"{decimal_text(total)} can't be shared out by weights that are all 0; share by another.")
    return tuple(total * weight / whole if whole else Fraction(0) for weight in weights)


def whole_steps(parts: Sequence[Fraction], step: Fraction) -> tuple[Fraction, ...]:
    """Parts rounded to whole steps of money, such as cents, that add up to what the parts add up to.

    Each is rounded down, and the steps that are missing go to those that lost most, the earlier first (largest
    remainder, Hamilton's method): none is a step or more away from what it was.

    Raises:
        EconomicsError: their sum is no whole number of steps.
    """
    total = sum(parts, Fraction(0)) / step
    if total.denominator != 1:
        raise EconomicsError(
            f"{decimal_text(total * step)} is no whole number of {decimal_text(step)}; correct the bill, or the step "
            "of the rate card."
        )
    floors = [part // step for part in parts]
    lost_most = sorted(range(len(parts)), key=lambda place: floors[place] - parts[place] / step)
    lifted = set(lost_most[: int(total) - sum(floors)])
    return tuple((floor + (place in lifted)) * step for place, floor in enumerate(floors))


def normalise_node_rates(total: Fraction, base: Mapping[str, Fraction]) -> Mapping[str, Fraction]:
    """Base rates of a node's resources, scaled so that together they are what the node costs.

    Args:
        total: what the node costs, over the same time as the base rates.
        base: what each of its resources would cost on its own; 0 for what it does not have.

    Raises:
        EconomicsError: a number is negative, or the base is all zero while the node costs something.
    """
    for name, money in (("total", total), *base.items()):
        if money < 0:
            raise EconomicsError(f"{name} is {decimal_text(money)}; no node is paid for that way: correct it.")
    if total and not any(base.values()):
        raise EconomicsError(
            f"A node of {decimal_text(total)} has no base rate above 0 to divide it by; give one of its resources one."
        )
    return dict(zip(base, shared_out(total, tuple(base.values())), strict=True))

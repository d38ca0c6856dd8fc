"""What replayed calls bring in, and what they cost to serve: exact money.

Revenue is credits times the price of a credit, where one is given. Else it is what the plans say: of each account in
each period the price of its plan at the last call in it, by the share of the period that the traffic covers, and the
overage price of what was spent beyond the included credits, up to the overage's limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from meter.credits import MICRO
from meter.economics.exact import EconomicsError
from meter.economics.replay.outcome import Replayed, Spell, Sum
from meter.policy.model import Plan

THOUSAND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time of the traffic: [start, end) in Unix seconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """How credits become money."""

    per_credit: Fraction | None = None
    """Money; None where the plans say."""
    plans: Mapping[str, Plan]
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """Money that came in, and went out."""

    revenue: Fraction
    cost: Fraction | None
    """None where it is not known."""

    @property
    def margin(self) -> Fraction | None:
        """The share of revenue that is left; None without costs, or where nothing came in."""
        if self.cost is None or not self.revenue:
            return None
        return (self.revenue - self.cost) / self.revenue


def revenue(replayed: Replayed, prices: Prices) -> Fraction | None:
    """What the calls bring in; None where nothing says what a credit, or a plan, costs."""
    if prices.per_credit is not None:
        return prices.per_credit * Fraction(replayed.whole.micro, MICRO)
    spells = [(spell, prices.plans.get(spell.plan)) for spell in replayed.spells.values()]
    if not any(_is_sold(plan) for _, plan in spells):
        return None
    return sum((_paid(spell, plan, prices.window) for spell, plan in spells if plan is not None), start=Fraction(0))


def cost(operations: Mapping[str, Sum], each: Mapping[str, Fraction]) -> Fraction:
    """What serving the calls costs.

    Raises:
        EconomicsError: an operation has no cost.
    """
    unknown = [name for name in operations if name not in each]
    if unknown:
        raise EconomicsError(
            f"There is no cost of {', '.join(unknown[:5])}: add a row for each to the costs; 0 where it costs nothing."
        )
    return sum((each[name] * one.calls for name, one in operations.items()), start=Fraction(0))


def margins(replayed: Replayed, earned: Earned | None, each: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """The margin of each operation that brings something in, at its share of the revenue by credits."""
    whole = replayed.whole.micro
    if earned is None or not earned.revenue or not whole:
        return {}
    shares = {name: earned.revenue * Fraction(one.micro, whole) for name, one in replayed.operations.items()}
    return {
        name: (share - each[name] * replayed.operations[name].calls) / share
        for name, share in shares.items()
        if share and name in each
    }


def _is_sold(plan: Plan | None) -> bool:
    return plan is not None and (plan.price is not None or _overage_price(plan) is not None)


def _overage_price(plan: Plan) -> Fraction | None:
    return plan.overage.price_per_thousand if plan.overage else None


def _paid(spell: Spell, plan: Plan, window: Window) -> Fraction:
    """What an account paid in a period."""
    price = (plan.price or Fraction(0)) * _share(spell, window)
    each = _overage_price(plan)
    if each is None or plan.overage is None:
        return price
    beyond = min(spell.beyond, plan.overage.limit)
    return price + each * Fraction(beyond, MICRO * THOUSAND)


def _share(spell: Spell, window: Window) -> Fraction:
    """The share of a period that the traffic covers; all of one that never ends."""
    if spell.end is None:
        return Fraction(1)
    covered = min(spell.end, window.end) - max(spell.start, window.start)
    return Fraction(covered, spell.end - spell.start)

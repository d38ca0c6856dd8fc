"""What the credits of a call were worth in money: realised revenue, lot by lot.

A credit is worth what was paid for its lot over the credits in the lot; credits that lapse unused are breakage, and
are nobody's revenue here. What was given away is worth nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import partial

from meter.credits import MICRO, Credits
from meter.economics.exact import EconomicsError
from meter.economics.traffic import Call
from meter.policy.model import Plan

THOUSAND = 1000
LotName = tuple[str, str]
"""An account, and the id of a grant of it."""
Parts = tuple[tuple[int, Fraction], ...]
"""Micro-credits, each with the money that one credit of them was worth."""


class LotKind(StrEnum):
    """What a lot was given for, as the ledger says it."""

    INCLUDED = "included"
    TRIAL = "trial"
    PROMO = "promo"
    PURCHASED = "purchased"
    ROLLOVER = "rollover"
    ADJUSTMENT = "adjustment"


GIVEN = frozenset({LotKind.TRIAL, LotKind.PROMO})
"""Lots that nobody paid for."""
BY_NAME = {
    "period": LotKind.INCLUDED,
    "trial": LotKind.TRIAL,
    "rollover": LotKind.ROLLOVER,
    "adjustment": LotKind.ADJUSTMENT,
}
"""How the ids of lots begin that the ledger gives by itself, before a colon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What decides the worth of a grant's credits."""

    kind: LotKind
    basis: Fraction = Fraction(0)
    """Money paid a credit, where the grant says so."""
    plan: str | None = None
    """The plan that its account was on when it came."""
    included: Credits | None = None
    """What that plan included then, in a period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What credits are worth: by their lot, by the plan, else by a price that is given."""

    plans: Mapping[str, Plan] = field(default_factory=dict)
    lots: Mapping[LotName, Lot] = field(default_factory=dict)
    price: Fraction | None = None
    """Money a credit, where nothing else says it."""
    _known: dict[object, Fraction] = field(default_factory=dict, repr=False, compare=False)

    def parts(self, call: Call) -> Parts:
        """What a call was paid with.

        Raises:
            EconomicsError: nobody knows what some of its credits were worth.
        """
        return tuple((micro, worth) for micro, worth in self._parts(call) if micro > 0)

    def _parts(self, call: Call) -> Iterator[tuple[int, Fraction]]:
        rest = call.credits - call.overage
        for lot, micro in call.lots:
            yield micro, self._once((call.account, lot, call.plan), partial(self._of_lot, call, lot))
            rest -= micro
        if rest > 0:
            yield rest, self._once((call.account, call.plan), partial(self._of_plan, call, call.plan, "a credit"))
        if call.overage:
            yield call.overage, self._once((call.plan,), partial(self._of_overage, call))

    def _once(self, key: object, worth: Callable[[], Fraction]) -> Fraction:
        if key not in self._known:
            self._known[key] = worth()
        return self._known[key]

    def _of_lot(self, call: Call, name: str) -> Fraction:
        """What a credit of a lot is worth: its basis; nothing, where it was given; else what its plan says."""
        lot = self.lots.get((call.account, name)) or _by_name(name)
        if lot is None:
            return self._else(f"Lot {name} of {call.account} is in none of the files", "name the file with its grant")
        if lot.basis:
            return lot.basis
        if lot.kind in GIVEN:
            return Fraction(0)
        if lot.kind is LotKind.PURCHASED:
            return self._else(f"Lot {name} of {call.account} was purchased, and has no cost basis", "grant with one")
        return self._of_plan(call, lot.plan or call.plan, f"lot {name}", lot.included)

    def _of_plan(self, call: Call, name: str | None, what: str, included: Credits | None = None) -> Fraction:
        """What a credit that a plan includes is worth: the plan's price over what is included."""
        plan = self.plans.get(name) if name else None
        micro = included or (plan.included if plan else 0)
        if plan is not None and plan.price is None and self._priced():
            return Fraction(0)
        if plan is None or plan.price is None or not micro:
            why = f"no plan {name} with a price and included credits is known" if name else "no plan is known"
            return self._else(
                f"Nobody knows what {what} of {call.account} is worth: {why}",
                "name a policy with it",
            )
        return plan.price * MICRO / micro

    def _priced(self) -> bool:
        """Whether plans have prices; then one without is free, and else nobody says what they cost."""
        return any(plan.price is not None for plan in self.plans.values())

    def _of_overage(self, call: Call) -> Fraction:
        plan = self.plans.get(call.plan) if call.plan else None
        if plan is None or plan.overage is None or plan.overage.price_per_thousand is None:
            return self._else(
                f"Nobody knows what overage of {call.account} is worth: no price_per_thousand of plan {call.plan} "
                "is known",
                "name a policy with one",
            )
        return plan.overage.price_per_thousand / THOUSAND

    def _else(self, problem: str, fix: str) -> Fraction:
        if self.price is None:
            raise EconomicsError(f"{problem}; {fix}, or say --price, money a credit.")
        return self.price


def _by_name(name: str) -> Lot | None:
    kind = BY_NAME.get(name.partition(":")[0]) if ":" in name else None
    return Lot(kind=kind) if kind else None

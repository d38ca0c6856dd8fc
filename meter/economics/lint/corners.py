"""Every price that an operation can have: plan × time × load × commitment, priced by what prices real calls."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import chain, combinations, product

from meter.credits import ZERO, Credits
from meter.economics.lint.writing import credits_text
from meter.policy.model import CommitmentAdjustment, LoadAdjustment, Operation, Plan, Policy, TimeAdjustment
from meter.policy.plans import allows
from meter.pricing.calendar import within
from meter.pricing.conditions import CALM, Conditions, LoadReading
from meter.pricing.plan_terms import terms_of
from meter.pricing.quote import NO_USAGE
from meter.pricing.reckoning import Reckoning, reckon
from meter.pricing.terms import conditions_of

LOADS_MAX = 3
"""Load adjustments of which every combination is looked at; of more, none, each and all."""
STATES_CACHED_MAX = 256
"""Sets of windows; the operations of a file share theirs, so that a year is gone through once for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corner:
    """One price that an operation can have, and when."""

    plan: str | None
    conditions: Conditions
    reckoning: Reckoning

    @property
    def factor(self) -> Fraction:
        """What all its factors come to."""
        return self.reckoning.exact / self.reckoning.unadjusted if self.reckoning.unadjusted else Fraction(1)

    def __str__(self) -> str:
        plan = [] if self.plan is None else [f"on plan {self.plan}"]
        names = [factor.name for factor in self.reckoning.factors]
        committed = self.conditions.commitment
        commitment = [f"committed to {credits_text(committed)}"] if committed else []
        return ", ".join([*plan, *names, *commitment]) or "at the list price"


def corners(policy: Policy, operation: Operation, own: Sequence[Credits], year: int) -> tuple[Corner, ...]:
    """Every corner of one operation whose price is a number.

    Args:
        policy: whose plans count; without any, an account with no plan.
        operation: what is called.
        own: commitments of accounts.
        year: whose days the windows are looked at on.
    """
    plans: list[Plan | None] = [plan for plan in policy.plans.values() if allows(plan.operations, operation.name)]
    ways = product(plans or [None], _moments(operation, year), _loads(operation), _commitments(operation, own))
    found = {_corner(operation, plan, moment, load, committed) for plan, moment, load, committed in ways}
    return tuple(sorted(found, key=lambda one: (one.reckoning.exact, str(one))))


def conditions(plan: Plan | None, moment: datetime, load: LoadReading, committed: Credits | None) -> Conditions:
    """What a price depends on for an account of a plan; ``committed`` None: to what the plan says."""
    if plan is None:
        return Conditions(moment=moment, load=load, commitment=committed or ZERO)
    return conditions_of(terms_of(plan, commitment=committed), moment=moment, load=load)


@lru_cache(maxsize=STATES_CACHED_MAX)
def states(
    windows: tuple[TimeAdjustment, ...], year: int, since: datetime | None = None
) -> Mapping[frozenset[str], datetime]:
    """Every combination of windows that are open together at some time of a year, with the first moment of it.

    What is open changes only where a window begins or ends, so those moments are all that has to be looked at.
    """
    found: dict[frozenset[str], datetime] = {}
    for moment in (one for one in _edges(windows, year) if since is None or one >= since):
        found.setdefault(frozenset(one.name for one in windows if within(one, moment)), moment)
    return found


def _corner(
    operation: Operation, plan: Plan | None, moment: datetime, load: LoadReading, committed: Credits | None
) -> Corner:
    asked = conditions(plan, moment, load, committed)
    return Corner(
        plan=None if plan is None else plan.name, conditions=asked, reckoning=reckon(operation, asked, NO_USAGE)
    )


def _moments(operation: Operation, year: int) -> Iterator[datetime]:
    """Every state of the windows, under each price of the year and under those that come later."""
    windows = tuple(one for one in operation.adjustments if isinstance(one, TimeAdjustment))
    new_year = datetime(year, 1, 1, tzinfo=UTC)
    starts = [version.effective_at for version in operation.versions if version.effective_at]
    for start in (new_year, *(one for one in starts if one > new_year)):
        yield start
        yield from states(windows, start.year, start).values()


def _edges(windows: Sequence[TimeAdjustment], year: int) -> Iterator[datetime]:
    days = {date(year, 1, 1) + timedelta(days=day) for day in range(366)}
    days |= {day for one in windows for day in (one.first, one.last) if day}
    days |= {one.last + timedelta(days=1) for one in windows if one.last}
    for day in sorted(days):
        for window in windows:
            for clock in (window.start, window.end):
                yield datetime.combine(day, clock, tzinfo=window.zone).astimezone(UTC)


def _loads(operation: Operation) -> list[LoadReading]:
    names = [one.name for one in operation.adjustments if isinstance(one, LoadAdjustment)]
    sizes = range(len(names) + 1) if len(names) <= LOADS_MAX else (0, 1, len(names))
    subsets = chain.from_iterable(combinations(names, size) for size in sizes)
    return [replace(CALM, on=frozenset(subset)) for subset in subsets]


def _commitments(operation: Operation, own: Sequence[Credits]) -> list[Credits | None]:
    rules = [one for one in operation.adjustments if isinstance(one, CommitmentAdjustment)]
    thresholds = {threshold for rule in rules for threshold, _ in rule.tiers}
    return [None, *sorted({*thresholds, *own})] if thresholds else [None]

"""306 to 312: load and commitment: what never applies, what flaps, what stacks, and where more costs less."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import TypeVar

from meter.credits import MICRO, ZERO, Credits, parse
from meter.economics.bundles.holes import cliffs
from meter.economics.lint.finding import Found
from meter.economics.lint.subject import Subject, in_credits
from meter.economics.lint.table_rules import price_place
from meter.economics.lint.writing import credits_text, number_text, share
from meter.policy.model import Adjustment, CommitmentAdjustment, LoadAdjustment, LoadSignal, Place

STACK_LEAST = Fraction(1, 2)
"""Discounts that together take more than half were seldom meant together."""
LOAD_MAX = Fraction(10)
"""A load of ten times what is called full is not expected, where nothing else is declared."""

Kind = TypeVar("Kind", bound=Adjustment)
Tier = tuple[Credits, Fraction]


def no_hysteresis(subject: Subject) -> Iterator[Found]:
    """MTR306."""
    for rule in _of(subject, LoadAdjustment):
        if rule.until == rule.above:
            problem = (
                f"{rule.name} goes on above {number_text(rule.above)} and off below the same load:"
                " prices flap around it"
            )
            fix = f"write the load below which it ends, such as until: {number_text(rule.above * Fraction(9, 10))}."
            yield Found(place=_place(subject, rule), problem=problem, fix=fix)


def unreachable_load(subject: Subject) -> Iterator[Found]:
    """MTR307."""
    most = subject.economics.load_max or LOAD_MAX
    for rule in _of(subject, LoadAdjustment):
        if rule.signal in {LoadSignal.INFLIGHT, LoadSignal.CPU} and rule.above >= most:
            problem = (
                f"{rule.name} goes on above a load of {number_text(rule.above)}, which is never more than"
                f" {number_text(most)}"
            )
            fix = "write a load that is reached: 1 is full."
            yield Found(place=_place(subject, rule), problem=problem, fix=fix)


def stacked_discounts(subject: Subject) -> Iterator[Found]:
    """MTR308."""
    seen: set[tuple[str, ...]] = set()
    for operation in subject.fixed:
        deepest = min(subject.corners[operation.name], key=lambda one: one.factor, default=None)
        if deepest is None or deepest.factor >= STACK_LEAST:
            continue
        factors = [one for one in deepest.reckoning.factors if one.multiply < 1]
        names = tuple(one.name for one in factors)
        if len(factors) > 1 and names not in seen:
            seen.add(names)
            product = " × ".join(number_text(one.multiply) for one in factors)
            problem = (
                f"{' and '.join(names)} stack to {product} = {number_text(deepest.factor)}:"
                f" {share(1 - deepest.factor)} off ({deepest})"
            )
            fix = "give one of them to calls that have not the other, or set a rounding minimum."
            place = subject.place_of("adjustments", names[0], otherwise=price_place(subject, operation))
            yield Found(place=place, problem=problem, fix=fix)


def rising_tier(subject: Subject) -> Iterator[Found]:
    """MTR309."""
    for rule, before, tier in _steps(subject):
        if tier[1] > before[1]:
            problem = (
                f"who commits to {credits_text(tier[0])} pays × {number_text(tier[1])},"
                f" more than × {number_text(before[1])} below that"
            )
            yield Found(place=_tier(subject, rule, tier[0]), problem=problem, fix="write tiers that fall.")


def unreachable_tier(subject: Subject) -> Iterator[Found]:
    """MTR310."""
    plans = [plan.commitment for plan in subject.policy.plans.values()]
    own = list(subject.economics.commitments)
    if not plans and not own:
        return
    most = max([*plans, *own])
    for rule, _, (threshold, multiply) in _steps(subject):
        if threshold > most:
            problem = (
                f"no plan reaches the tier of {credits_text(threshold)} (× {number_text(multiply)}):"
                f" the highest commitment is {credits_text(most)}"
            )
            fix = "give a plan that commitment, or leave the tier out; declare accounts' own commitments if there are."
            yield Found(place=_tier(subject, rule, threshold), problem=problem, fix=fix)


def commitment_cliff(subject: Subject) -> Iterator[Found]:
    """MTR311."""
    for rule in _of(subject, CommitmentAdjustment):
        tiers = [(in_credits(threshold), multiply) for threshold, multiply in rule.tiers]
        for cliff in cliffs(tiers):
            last = ceil(cliff.below) - 1
            factor = next((multiply for threshold, multiply in reversed(tiers) if threshold < cliff.below), Fraction(1))
            least = ceil(cliff.above) if cliff.first else floor(cliff.above) + 1
            tier = Credits(int(cliff.threshold * MICRO))
            problem = (
                f"{last:,} credits at × {number_text(factor)} cost more than {credits_text(tier)}"
                f" at × {number_text(cliff.multiply)}: from {least:,} on the larger commitment is cheaper"
            )
            fix = "say so to customers between, or discount only what is above each threshold."
            yield Found(place=_tier(subject, rule, tier), problem=problem, fix=fix)


def adjustment_without_effect(subject: Subject) -> Iterator[Found]:
    """MTR312."""
    for adjustment, operations in subject.adjustments.items():
        names = {one.name for one in operations if one.name in subject.corners and one.price.base}
        reckonings = [corner.reckoning for name in names for corner in subject.corners[name]]
        applied = [one for one in reckonings if any(factor.name == adjustment.name for factor in one.factors)]
        if not applied:
            continue
        without = [
            replace(one, factors=tuple(factor for factor in one.factors if factor.name != adjustment.name))
            for one in applied
        ]
        if all(one.credits == other.credits for one, other in zip(applied, without, strict=True)):
            factors = {factor.multiply for one in applied for factor in one.factors if factor.name == adjustment.name}
            shown = " or ".join(number_text(factor) for factor in sorted(factors))
            problem = f"{adjustment.name} (× {shown}) changes no price of its file: what else applies always decides"
            fix = "leave it out, or move the minimum or maximum that overrides it."
            yield Found(place=_place(subject, adjustment), problem=problem, fix=fix)


def _steps(subject: Subject) -> Iterator[tuple[CommitmentAdjustment, Tier, Tier]]:
    """Each tier with the one before it; before the first, the list price."""
    for rule in _of(subject, CommitmentAdjustment):
        for before, tier in pairwise(((ZERO, Fraction(1)), *rule.tiers)):
            yield rule, before, tier


def _of(subject: Subject, kind: type[Kind]) -> list[Kind]:
    return [one for one in subject.adjustments if isinstance(one, kind)]


def _place(subject: Subject, adjustment: Adjustment) -> Place:
    first = subject.adjustments[adjustment][0].place
    return subject.place_of("adjustments", adjustment.name, otherwise=first)


def _tier(subject: Subject, rule: CommitmentAdjustment, threshold: Credits) -> Place:
    """Where a tier is written, however it is: as 100000 or as 100000.0."""
    beginning = ("adjustments", rule.name, "commitment")
    written = (path for path in subject.places if path[:-1] == beginning and parse(path[-1]) == threshold)
    return next((subject.places[path] for path in written), _place(subject, rule))

"""1xx: the table of prices itself: its levels, its ladder, and what rounding does to it."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import groupby

from meter.credits import MICRO, ONE, Credits, text
from meter.economics.lint.finding import Found
from meter.economics.lint.subject import Subject, in_credits
from meter.economics.lint.writing import credits_text, money, number_text, share
from meter.economics.table.ladders import LADDERS
from meter.policy.model import Operation, Place
from meter.pricing.reckoning import Reckoning

LEVELS_LEAST = 5
LEVELS_MOST = 15
"""The article: most successful systems have 5 to 15 distinct levels."""
DISTORTION_MAX = Fraction(1, 10)
"""A factor that rounding moves by more than a tenth of the price is not the one that was promised."""
VALUE_LOST_MAX = Fraction(1, 10)
LIFT_MAX = Fraction(1, 5)
FINER = "charge in finer steps, such as rounding {step: 0.001}, or price it higher."


def too_many_levels(subject: Subject) -> Iterator[Found]:
    """MTR101."""
    levels = _levels(subject)
    if len(levels) > LEVELS_MOST:
        problem = f"{len(levels)} distinct prices, from {credits_text(levels[0])} to {credits_text(levels[-1])}"
        fix = f"round them to at most {LEVELS_MOST} levels that people can keep in mind."
        yield Found(place=_first(subject), problem=problem, fix=fix)


def too_few_levels(subject: Subject) -> Iterator[Found]:
    """MTR102."""
    levels = _levels(subject)
    if len(subject.fixed) >= LEVELS_LEAST > len(levels):
        shown = ", ".join(text(level) for level in levels)
        problem = f"{len(subject.fixed)} operations share {len(levels)} distinct prices ({shown})"
        fix = f"measure them: {LEVELS_LEAST} to {LEVELS_MOST} levels keep dear calls from being paid by cheap ones."
        yield Found(place=_first(subject), problem=problem, fix=fix)


def off_ladder(subject: Subject) -> Iterator[Found]:
    """MTR103."""
    ladder = subject.economics.ladder
    if ladder is None:
        return
    for operation in subject.fixed:
        listed = in_credits(operation.price.base)
        nearest = [step for step in ladder.around(listed) if step is not None]
        if listed and listed not in nearest:
            name = ladder.name if ladder.name in LADDERS else ",".join(number_text(step) for step in ladder.steps)
            problem = f"{operation.name} costs {credits_text(operation.price.base)}, not on the ladder {name}"
            fix = f"write {' or '.join(number_text(step) for step in nearest)}."
            yield Found(place=price_place(subject, operation), problem=problem, fix=fix)


def free_by_rounding(subject: Subject) -> Iterator[Found]:
    """MTR104."""
    for operation in subject.fixed:
        nothing = [
            one for one in subject.corners[operation.name] if one.reckoning.unadjusted and not one.reckoning.rounded
        ]
        if not nothing:
            continue
        corner = min(nothing, key=lambda one: (len(one.reckoning.factors), one.conditions.commitment))
        reckoning = corner.reckoning
        problem = (
            f"{operation.name} is free by rounding ({corner}): {product_text(reckoning)} rounds to 0"
            f" ({reckoning.rounding.mode}), and only the minimum makes it {text(reckoning.credits)}"
        )
        yield Found(place=price_place(subject, operation), problem=problem, fix=FINER)


def list_price_off_step(subject: Subject) -> Iterator[Found]:
    """MTR105."""
    for operation in subject.fixed:
        plain = Reckoning(base=operation.price.base, rounding=operation.rounding, maximum=operation.maximum)
        if plain.credits != operation.price.base:
            listed, charged = text(operation.price.base), text(plain.credits)
            problem = (
                f"{operation.name} is listed at {listed} but charged {charged} (step {text(operation.rounding.step)})"
            )
            yield Found(
                place=price_place(subject, operation),
                problem=problem,
                fix=f"list {charged}, or charge in finer steps: rounding {{step: {_step(operation)}}}.",
            )


def factor_without_effect(subject: Subject) -> Iterator[Found]:
    """MTR106."""
    for operation, group in groupby(_single_factors(subject), key=lambda pair: pair[0]):
        alone = [(reckoning, replace(reckoning, factors=()).credits) for _, reckoning in group]
        idle = [reckoning.factors[0] for reckoning, before in alone if reckoning.credits == before]
        if factors := [factor for factor in idle if factor.multiply != 1]:
            names = ", ".join(f"{factor.name} (× {number_text(factor.multiply)})" for factor in factors)
            charged = text(alone[0][1])
            problem = f"rounding leaves nothing of {names} for {operation.name}: {charged} stays {charged}"
            yield Found(place=price_place(subject, operation), problem=problem, fix=FINER)


def distorted_factor(subject: Subject) -> Iterator[Found]:
    """MTR107."""
    for operation, reckoning in _single_factors(subject):
        (factor,) = reckoning.factors
        before = replace(reckoning, factors=()).credits
        if not before or reckoning.credits == before or not reckoning.rounded:
            continue
        real = Fraction(reckoning.credits, before)
        if abs(real - factor.multiply) > DISTORTION_MAX * factor.multiply:
            problem = (
                f"{factor.name} promises × {number_text(factor.multiply)}, but {operation.name} gets"
                f" × {money(real)}: {text(before)} becomes {text(reckoning.credits)}"
            )
            yield Found(place=price_place(subject, operation), problem=problem, fix=FINER)


def value_rounded_away(subject: Subject) -> Iterator[Found]:
    """MTR108."""
    for operation, valued, spoken in _valued(subject):
        listed = in_credits(operation.price.base)
        if valued - listed > VALUE_LOST_MAX * valued:
            less = share(1 - listed / valued)
            problem = f"{operation.name} is worth {spoken}, but costs {number_text(listed)}: {less} less"
            fix = f"price it at {-(-valued.numerator // valued.denominator):,} or more, or lower its declared value."
            yield Found(place=price_place(subject, operation), problem=problem, fix=fix)


def lifted_by_rounding(subject: Subject) -> Iterator[Found]:
    """MTR109."""
    for operation, valued, spoken in _valued(subject):
        listed = in_credits(operation.price.base)
        if listed - valued > LIFT_MAX * valued:
            more = share(listed / valued - 1)
            problem = f"{operation.name} is worth {spoken}, but costs {number_text(listed)}: {more} more"
            fix = "say why in its declared value, or take a ladder with a nearer step."
            yield Found(place=price_place(subject, operation), problem=problem, fix=fix)


def price_place(subject: Subject, operation: Operation) -> Place:
    """Where an operation's price is written."""
    return subject.place_of("operations", operation.name, "credits", otherwise=operation.place)


def product_text(reckoning: Reckoning) -> str:
    """A price as the product that it is: ``1 × 0.7 × 0.6 = 0.42``."""
    listed = number_text(reckoning.unadjusted / MICRO)
    if not reckoning.factors:
        return listed
    factors = " × ".join([listed, *(number_text(one.multiply) for one in reckoning.factors)])
    return f"{factors} = {number_text(reckoning.exact / MICRO)}"


def _valued(subject: Subject) -> Iterator[tuple[Operation, Fraction, str]]:
    """What each operation is worth in units of the cheapest that costs one credit, and how that comes about."""
    units = [(cost.cost, one.name) for one, cost in subject.costed if one.price.base == ONE and cost.cost]
    for operation, cost in subject.costed if units else ():
        unit, name = min(units)
        raw, value = cost.cost / unit, Fraction(1) if cost.value is None else cost.value
        spoken = (
            number_text(raw)
            if value == 1
            else f"{number_text(raw)} × {number_text(value)} = {number_text(raw * value)}"
        )
        if raw and value:
            yield operation, raw * value, f"{spoken} of {name}"


def _levels(subject: Subject) -> list[Credits]:
    return sorted({operation.price.base for operation in subject.fixed})


def _first(subject: Subject) -> Place:
    return min((one.place for one in subject.fixed), key=lambda place: (place.file, place.line, place.column))


def _single_factors(subject: Subject) -> Iterator[tuple[Operation, Reckoning]]:
    """Each operation under each of its factors alone, the smallest of a name first; never lifted nor free."""
    for operation in subject.fixed:
        seen: set[tuple[str, Fraction]] = set()
        for corner in subject.corners[operation.name]:
            for factor in corner.reckoning.factors:
                if operation.price.base and (factor.name, factor.multiply) not in seen:
                    seen.add((factor.name, factor.multiply))
                    yield operation, replace(corner.reckoning, factors=(factor,))


def _step(operation: Operation) -> str:
    """A step, a power of ten of a credit, of which the list price is a multiple."""
    return next(
        text(Credits(step)) for step in (10**6 // 10**places for places in range(7)) if not operation.price.base % step
    )

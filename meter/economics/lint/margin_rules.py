"""2xx: prices against costs: at the list price, and at the worst corner that a call can meet."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby

from meter.credits import ONE
from meter.economics.exact import EconomicsError
from meter.economics.lint.corners import Corner
from meter.economics.lint.finding import Found
from meter.economics.lint.subject import Cost, Subject, in_credits
from meter.economics.lint.table_rules import price_place
from meter.economics.lint.writing import credits_text, money, share
from meter.economics.table.margins import Margin, margin
from meter.economics.table.prices import check_blended, min_price
from meter.economics.table.units import required_credits
from meter.policy.model import Operation, Place

SPREAD_MAX = 2
"""Operations of one price whose costs differ by more than twice invite arbitrage."""
SLACK_MAX = Fraction(5, 4)
"""A list price of a quarter more than the target margin needs was not derived from the costs."""


def impossible_blended_cost(subject: Subject) -> Iterator[Found]:
    """MTR201."""
    blended, possible = subject.economics.blended_cost, sorted(subject.costs_per_credit)
    if blended is None or not possible:
        return
    try:
        check_blended(blended, *_costs_and_credits(subject))
    except EconomicsError:
        problem = (
            f"no mix of these operations costs {money(blended)} a credit:"
            f" theirs are {money(possible[0])} to {money(possible[-1])}"
        )
        fix = "measure it: Σ cost over Σ credits of what is really called."
        yield Found(place=_said(subject, "blended_cost"), problem=problem, fix=fix)


def below_cost(subject: Subject) -> Iterator[Found]:
    """MTR202."""
    for operation, cost, corner, left in _worst(subject):
        if left.money < 0:
            yield _found(subject, operation, cost, corner, "is sold below cost")


def below_floor(subject: Subject) -> Iterator[Found]:
    """MTR203."""
    floor = subject.economics.margin_floor or Fraction(0)
    for operation, cost, corner, left in _worst(subject):
        if left.money >= 0 and not left.reaches(floor):
            yield _found(subject, operation, cost, corner, f"is below its own alarm of {share(floor)}")


def below_target(subject: Subject) -> Iterator[Found]:
    """MTR204."""
    target = subject.economics.target_margin or Fraction(0)
    for operation, cost in subject.costed:
        listed = in_credits(operation.price.base)
        revenue = listed * subject.price
        if not margin(listed, subject.price, cost.cost).reaches(target):
            (need,) = required_credits([cost.cost], subject.price, target)
            problem = (
                f"{operation.name} earns {_margin(revenue, cost.cost)} at its list price of"
                f" {credits_text(operation.price.base)} ({money(revenue)} against {money(cost.cost)}),"
                f" not the target of {share(target)}"
            )
            fix = f"price it at {_up(need)} credits or more."
            yield Found(place=price_place(subject, operation), problem=problem, fix=fix)


def wrong_margin(subject: Subject) -> Iterator[Found]:
    """MTR205."""
    for operation, cost in subject.costed:
        real = margin(in_credits(operation.price.base), subject.price, cost.cost).money
        if cost.margin is not None and cost.margin != real:
            problem = (
                f"the margin of {operation.name} is said to be {money(cost.margin)} but is {money(real)}:"
                f" {credits_text(operation.price.base)} × {money(subject.price)} − {money(cost.cost)}"
            )
            yield Found(place=cost.place, problem=problem, fix=f"write {money(real)}.")


def arbitrage(subject: Subject) -> Iterator[Found]:
    """MTR206."""
    ordered = sorted(subject.costed, key=lambda pair: (pair[0].price.base, pair[1].cost, pair[0].name))
    for base, group in groupby(ordered, key=lambda pair: pair[0].price.base):
        (cheap, less), *others = group
        for dear, more in others:
            if more.cost > SPREAD_MAX * less.cost:
                problem = (
                    f"{dear.name} costs {money(more.cost)} to serve and {cheap.name} {money(less.cost)},"
                    f" both for {credits_text(base)}: users cluster on the underpriced one"
                )
                yield Found(place=price_place(subject, dear), problem=problem, fix="price each by its own cost.")


def unknown_cost(subject: Subject) -> Iterator[Found]:
    """MTR207."""
    costs = subject.economics.costs
    for operation in subject.fixed:
        if operation.name not in costs:
            problem = f"the cost of {operation.name} is not known, so neither is its margin"
            yield Found(place=operation.place, problem=problem, fix="add its row to the costs.")
    for name, cost in costs.items():
        if name not in subject.policy.operations:
            problem = f"{name!r} has a cost but is no operation of the policy"
            yield Found(place=cost.place, problem=problem, fix="correct its name, or leave the row out.")


def price_above_need(subject: Subject) -> Iterator[Found]:
    """MTR208."""
    target = subject.economics.target_margin or Fraction(0)
    if not any(subject.costs_per_credit):
        return
    need = min_price(*_costs_and_credits(subject), target)
    if subject.price > SLACK_MAX * need:
        problem = (
            f"the list price of {money(subject.price)} is {money(subject.price / need)} times the {money(need)}"
            f" that brings every operation of the table its {share(target)}"
        )
        fix = "mean it: as room for plans and discounts; or lower price or credits."
        yield Found(place=_said(subject, "price_per_credit"), problem=problem, fix=fix)


def _costs_and_credits(subject: Subject) -> tuple[list[Fraction], list[Fraction]]:
    """What each operation whose cost is known costs to serve, and its list price."""
    costs = [cost.cost for _, cost in subject.costed]
    return costs, [in_credits(operation.price.base) for operation, _ in subject.costed]


def _worst(subject: Subject) -> Iterator[tuple[Operation, Cost, Corner, Margin]]:
    """Each operation whose cost is known, at the corner that earns least, with what is left there."""
    for operation, cost in subject.costed:
        corners = subject.corners[operation.name]
        if corners:
            worst = min(corners, key=lambda one: _revenue(subject, one))
            charged = in_credits(worst.reckoning.credits)
            yield operation, cost, worst, margin(charged, subject.price_on(worst.plan), cost.cost)


def _revenue(subject: Subject, corner: Corner) -> Fraction:
    return in_credits(corner.reckoning.credits) * subject.price_on(corner.plan)


def _found(subject: Subject, operation: Operation, cost: Cost, corner: Corner, what: str) -> Found:
    revenue, charged = _revenue(subject, corner), corner.reckoning.credits
    bring = "brings" if charged == ONE else "bring"
    problem = (
        f"{operation.name} {what} at its worst corner ({corner}): {credits_text(charged)} at"
        f" {money(subject.price_on(corner.plan))} {bring} {money(revenue)} against a cost of {money(cost.cost)},"
        f" margin {_margin(revenue, cost.cost)}"
    )
    fix = "price it higher, or bound what is discounted: fewer factors at once, or a higher rounding minimum."
    return Found(place=price_place(subject, operation), problem=problem, fix=fix)


def _margin(revenue: Fraction, cost: Fraction) -> str:
    return share(1 - cost / revenue) if revenue else "nothing"


def _said(subject: Subject, name: str) -> Place:
    fallback = min((one.place for one in subject.fixed), key=str)
    return subject.economics.places.get(name, fallback)


def _up(number: Fraction) -> str:
    return f"{-(-number.numerator // number.denominator):,}"

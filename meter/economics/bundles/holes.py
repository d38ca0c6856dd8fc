"""Where plans leak: second accounts, commitment cliffs, free accounts in place of a paid one, stacks of small plans."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil

from meter.economics.bundles.margin import refuse_negative
from meter.economics.bundles.offer import Offer
from meter.economics.exact import EconomicsError

ONE = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakeven:
    """From which use on another plan, or a second account, is cheaper than overage."""

    plan: str
    other: str
    second: bool
    """Whether it is a second account beside the first, on the same plan or a cheaper one."""
    credits: Fraction
    """At the table's prices, before any discount of either."""
    pays: bool
    """Whether what the other includes reaches beyond, so that there is a use for which it is cheaper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cliff:
    """Uses for which committing to more costs less: above ``above`` and below ``below``, in credits of the table."""

    above: Fraction
    below: Fraction
    first: bool
    """Whether ``above`` itself is one of them: it stands right at a threshold."""
    threshold: Fraction
    multiply: Fraction
    total: Fraction
    """What the threshold costs, in credits after the discount."""
    dearest: Fraction
    """What the dearest of them costs more than that, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Farm:
    """Free accounts that stand in for a paid plan."""

    free: str
    paid: str
    accounts: int
    cost: Fraction
    """Money that serving the plan's credits takes, which nobody pays."""
    saved: Fraction
    """Money that is not paid."""
    calls: Fraction | None
    """Of the basket, that are had for nothing; None where there is no basket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Smaller plans that together include as much as a big one, for less."""

    big: str
    pieces: tuple[tuple[str, int], ...]
    price: Fraction
    credits: Fraction


def breakeven(price: Fraction, credits: Fraction, other_price: Fraction, overage: Fraction) -> Fraction:  # noqa: A002
    """The use from which ``other_price`` in all is less than this plan with overage.

    Args:
        price: money a period for this plan.
        credits: what it includes.
        other_price: of the other plan; of two accounts on this one, twice its price.
        overage: money for a credit beyond.

    Raises:
        EconomicsError: credits beyond cost nothing, or a number is negative.
    """
    refuse_negative(price=price, credits=credits, other_price=other_price, overage=overage)
    if not overage:
        raise EconomicsError("Overage at 0 a credit is never dearer than a plan; name the price of a credit beyond.")
    return credits + max(Fraction(0), other_price - price) / overage


def breakevens(offers: Sequence[Offer]) -> Iterator[Breakeven]:
    """Of each plan with overage: a second account on it or a cheaper one, then each dearer plan instead of it."""
    for offer in offers:
        if offer.overage:
            yield from (_second(offer, other) for other in offers if other.price <= offer.price)
            yield from (_upgrade(offer, other) for other in offers if other.price > offer.price)


def cliffs(tiers: Iterable[tuple[Fraction, Fraction]]) -> Iterator[Cliff]:
    """Where committing to a tier costs less than what lies below it, of factors that hold for the whole volume.

    Args:
        tiers: thresholds and their factors, ascending; below the first the factor is 1.
    """
    steps = [(Fraction(0), ONE), *tiers]
    for number, (threshold, multiply) in enumerate(steps[1:], start=1):
        yield from _cliffs_below(steps[: number + 1], threshold, multiply)


def farms(
    free: Iterable[Offer], paid: Sequence[Offer], cost: Fraction, per_call: Fraction | None = None
) -> Iterator[Farm]:
    """How many accounts of each free plan stand in for each paid one.

    Args:
        free: what is given away.
        paid: what it stands in for.
        cost: money for the work of a credit at the table's prices.
        per_call: credits of the average call of the basket, where there is one.
    """
    for giver in free:
        for plan in paid:
            if giver.work and plan.work:
                yield Farm(
                    free=giver.name,
                    paid=plan.name,
                    accounts=ceil(plan.work / giver.work),
                    cost=plan.work * cost,
                    saved=plan.price,
                    calls=plan.work / per_call if per_call else None,
                )


def stacks(offers: Sequence[Offer]) -> Iterator[Stack]:
    """Of each plan that others stacked undercut: the cheapest stack of one cheaper plan, filled up with another."""
    for big in offers:
        pieces = [offer for offer in offers if offer.price < big.price and offer.work]
        found = [stack for first in pieces for stack in _stacks(big, first, pieces) if stack.price < big.price]
        if found:
            yield min(found, key=lambda stack: (stack.price, -stack.credits, stack.pieces))


def _second(offer: Offer, other: Offer) -> Breakeven:
    found = _from(offer, offer.price + other.price)
    reach = offer.work + other.work
    return Breakeven(plan=offer.name, other=other.name, second=True, credits=found, pays=found < reach)


def _upgrade(offer: Offer, other: Offer) -> Breakeven:
    found = _from(offer, other.price)
    return Breakeven(plan=offer.name, other=other.name, second=False, credits=found, pays=found < other.work)


def _from(offer: Offer, other_price: Fraction) -> Fraction:
    assert offer.overage is not None, "only plans with overage break even with another"
    return breakeven(offer.price, offer.work, other_price, offer.overage * offer.standing)


def _cliffs_below(
    steps: Sequence[tuple[Fraction, Fraction]], threshold: Fraction, multiply: Fraction
) -> Iterator[Cliff]:
    """The uses below a threshold that cost more than it; those that touch are one."""
    total = threshold * multiply
    found: list[tuple[Fraction, Fraction, bool, Fraction]] = []
    for (start, factor), (end, _) in pairwise(steps):
        if end * factor > total:
            above = max(start, total / factor)
            first = start * factor > total
            dearest = end * factor - total
            if first and found and found[-1][1] == above:
                above, _, first, before = found.pop()
                dearest = max(before, dearest)
            found.append((above, end, first, dearest))
    for above, below, first, dearest in found:
        yield Cliff(
            above=above,
            below=below,
            first=first,
            threshold=threshold,
            multiply=multiply,
            total=total,
            dearest=dearest,
        )


def _stacks(big: Offer, first: Offer, pieces: Sequence[Offer]) -> Iterator[Stack]:
    whole, rest = divmod(big.work, first.work)
    if not rest:
        yield _stack(big, [(first, whole)])
        return
    yield _stack(big, [(first, whole + 1)])
    for other in pieces:
        if other is not first:
            yield _stack(big, [(first, whole), (other, ceil(rest / other.work))])


def _stack(big: Offer, pieces: Sequence[tuple[Offer, int]]) -> Stack:
    held = [(offer, number) for offer, number in pieces if number]
    return Stack(
        big=big.name,
        pieces=tuple((offer.name, number) for offer, number in held),
        price=sum((offer.price * number for offer, number in held), Fraction(0)),
        credits=sum((offer.credits * number for offer, number in held), Fraction(0)),
    )

"""Three ways to say how many credits a plan should include: by its price, by what is used, by what others offer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from meter.economics.bundles.margin import check_target, refuse_negative
from meter.economics.exact import EconomicsError, decimal_text

THOUSAND = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CostMultiple:
    """The credits that a price buys at list, and with a buffer on top."""

    base: Fraction
    buffered: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Competitor:
    """What somebody else offers: so many calls of the basket for a price."""

    name: str
    price: Fraction
    calls: Fraction

    @property
    def per_thousand_calls(self) -> Fraction:
        """Money for a thousand calls of the basket."""
        return self.price * THOUSAND / self.calls


@dataclass(frozen=True, slots=True)
class Basket:
    """A mix of operations: how often each is called, in any unit."""

    volumes: Mapping[str, Fraction] = field(default_factory=dict)

    def per_call(self, prices: Mapping[str, Fraction]) -> Fraction:
        """The credits of its average call.

        Raises:
            EconomicsError: an operation has no price, nothing is in the basket, or all of it is free.
        """
        for operation in self.volumes:
            if operation not in prices:
                raise EconomicsError(f"{operation} of the basket has no price in credits; name one.")
        volume = sum(self.volumes.values(), Fraction(0))
        spent = sum((volume * prices[operation] for operation, volume in self.volumes.items()), Fraction(0))
        if not spent:
            raise EconomicsError("The basket costs no credits, so that any offer buys all of it; correct its prices.")
        return spent / volume

    def calls(self, held: Fraction, prices: Mapping[str, Fraction]) -> Fraction:
        """How many of its average calls an amount of credits buys; errors as of ``per_call``."""
        return held / self.per_call(prices)

    def cost_per_credit(self, costs: Mapping[str, Fraction], prices: Mapping[str, Fraction]) -> Fraction:
        """What a credit costs over the whole basket, of what a call of each operation costs.

        Raises:
            EconomicsError: no credits are spent.
        """
        money = sum((volume * costs[operation] for operation, volume in self.volumes.items()), Fraction(0))
        spent = sum((volume * prices[operation] for operation, volume in self.volumes.items()), Fraction(0))
        if not spent:
            raise EconomicsError("No credits are spent, so that none has a cost; correct volume or credits.")
        return money / spent


def method1(price: Fraction, per_credit: Fraction, buffer: Fraction = Fraction(0)) -> CostMultiple:
    """Cost multiple: what a plan's price buys at the list price of a credit, and that with a buffer.

    Raises:
        EconomicsError: a credit costs nothing, or a number is negative.
    """
    refuse_negative(price=price, per_credit=per_credit, buffer=buffer)
    if not per_credit:
        raise EconomicsError("A list price of 0 a credit buys any number of them; name the price of one credit.")
    base = price / per_credit
    return CostMultiple(base=base, buffered=base * (1 + buffer))


def credits_at_target(price: Fraction, cost: Fraction, target: Fraction) -> Fraction | None:
    """The credits of which a plan may have all used and still earn its target; None where they cost nothing."""
    refuse_negative(price=price, cost=cost)
    check_target(target)
    return price * (1 - target) / cost if cost else None


def method2(ops_per_day: Fraction, avg: Fraction, days: int) -> Fraction:
    """Use-case anchor: the credits of so many operations a day in a month of so many days.

    Raises:
        EconomicsError: a number is negative.
    """
    refuse_negative(ops_per_day=ops_per_day, avg=avg, days=Fraction(days))
    return ops_per_day * days * avg


def quantile(values: Sequence[Fraction], share: Fraction) -> Fraction:
    """The least of the values that at least this share of them do not exceed: always one that was observed.

    Source: Hyndman and Fan, Sample Quantiles in Statistical Packages (1996), definition 1.

    Raises:
        EconomicsError: there is no value, or the share is not above 0 and at most 1.
    """
    if not values:
        raise EconomicsError("There is no observed use to take a quantile of; bring some.")
    if not 0 < share <= 1:
        raise EconomicsError(f"The quantile {decimal_text(share)} is not above 0 and at most 1; write one such as 0.9.")
    return sorted(values)[ceil(share * len(values)) - 1]


def per_thousand(offers: Iterable[tuple[Fraction, Fraction]]) -> tuple[Fraction, ...]:
    """The price of a thousand of each offer's credits, or calls.

    Args:
        offers: how many, and for how much money.

    Raises:
        EconomicsError: an offer is of nothing, or a number is negative.
    """
    return tuple(_per_thousand(Fraction(number), Fraction(price)) for number, price in offers)


def parity(price: Fraction, per_call: Fraction, competitor: Competitor) -> Fraction:
    """Competitive parity: the credits that buy as many calls for ``price`` as the competitor sells for it.

    Args:
        price: of the plan.
        per_call: what the average call of the basket takes from it, in credits.
        competitor: whose price a thousand calls is met.
    """
    if not competitor.price:
        raise EconomicsError(f"{competitor.name} charges nothing, and can't be met at any price; leave it out.")
    return price / competitor.price * competitor.calls * per_call


def _per_thousand(number: Fraction, price: Fraction) -> Fraction:
    refuse_negative(price=price, credits=number)
    if not number:
        raise EconomicsError("An offer of 0 has no price a thousand; say how many it includes.")
    return price * THOUSAND / number

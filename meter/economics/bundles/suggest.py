"""The three methods side by side for each plan, with what it earns, what it takes off list, and where it leaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import median

from meter.economics.bundles.holes import Breakeven, Cliff, Farm, Stack, breakevens, cliffs, farms, stacks
from meter.economics.bundles.margin import Net, check_target, net_per_base_credit, plan_margin, utilisation_for_target
from meter.economics.bundles.methods import Basket, Competitor, credits_at_target, method1, parity, per_thousand
from meter.economics.bundles.offer import Offer
from meter.economics.bundles.use import Anchor, Use

QUARTERS = tuple(Fraction(number, 4) for number in range(1, 5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """A plan beside what others offer, in calls of one basket."""

    calls: Fraction
    """That the plan's credits buy."""
    per_thousand_calls: Fraction
    credits_at_median: Fraction
    """That make a call as dear as the competitor's in the middle."""
    credits_at_cheapest: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """What a plan earns at a use of it."""

    share: Fraction | None
    """The quantile of observed use; None of a plain share of the credits."""
    utilisation: Fraction
    """What is used of what is included; above 1 the rest is overage, or is refused where there is none."""
    margin: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Everything about one plan."""

    offer: Offer
    per_credit: Fraction
    """Money that one of its included credits costs those who use all."""
    at_list: Fraction | None
    """Cost multiple: the credits that its price buys at list; None without a list price."""
    list_discount: Fraction | None
    """What its credits cost less than at list, if all are used."""
    at_target: Fraction | None
    """Credits at which it earns its target even if all are used; None where they cost nothing."""
    anchor: Anchor | None
    parity: Parity | None
    margins: tuple[Earned, ...]
    target_reached: Fraction | None
    """The utilisation up to which it earns its target; None where any will do."""
    stacked: Net
    """What a credit of the table brings in when every discount holds at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What plans are measured by."""

    cost: Fraction
    """Money for the work of one credit at the table's prices."""
    target: Fraction
    list_price: Fraction | None = None
    """Money for a credit bought singly."""
    share: Fraction = Fraction(9, 10)
    """Of the accounts of a plan whose use it should cover."""
    use: Use | None = None
    competitors: tuple[Competitor, ...] = ()
    basket: Basket = field(default_factory=Basket)
    prices: Mapping[str, Fraction] = field(default_factory=dict)
    """Credits of each operation of the basket."""
    tiers: Mapping[str, tuple[tuple[Fraction, Fraction], ...]] = field(default_factory=dict)
    """Of each commitment adjustment, its thresholds and factors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundles:
    """All plans, and what lies between them."""

    plans: tuple[Suggestion, ...]
    breakevens: tuple[Breakeven, ...]
    cliffs: tuple[tuple[str, Cliff], ...]
    """Each with the name of its adjustment."""
    farms: tuple[Farm, ...]
    stacks: tuple[Stack, ...]


def suggest(paid: Sequence[Offer], free: Sequence[Offer], market: Market) -> Bundles:
    """Compare plans, cheapest first.

    Args:
        paid: plans with a price and credits.
        free: what is given away to everyone who opens an account.
        market: what they are measured by.

    Raises:
        EconomicsError: a number can't be what it is said to be.
    """
    check_target(market.target)
    ordered = sorted(paid, key=lambda offer: (offer.price, offer.credits, offer.name))
    found = [(name, cliff) for name, tiers in market.tiers.items() for cliff in cliffs(tiers)]
    return Bundles(
        plans=tuple(_suggestion(offer, market) for offer in ordered),
        breakevens=tuple(breakevens(ordered)),
        cliffs=tuple(found),
        farms=tuple(farms(free, ordered, market.cost, _per_call(market))),
        stacks=tuple(stacks(ordered)),
    )


def earned(offer: Offer, used: Fraction, cost: Fraction) -> Fraction:
    """The margin of a plan whose holder wants ``used`` credits: with its overage, or none beyond what is included."""
    if used <= offer.credits or offer.overage is None:
        return plan_margin(offer.price, min(used, offer.credits), offer.cost(cost), Fraction(1))
    paid = offer.price + (used - offer.credits) * offer.overage
    return plan_margin(paid, used, offer.cost(cost), Fraction(1))


def _suggestion(offer: Offer, market: Market) -> Suggestion:
    list_price, cost = market.list_price, offer.cost(market.cost)
    per_credit = offer.price / offer.credits
    anchor = market.use.anchor(offer.name, offer.credits, market.share) if market.use else None
    return Suggestion(
        offer=offer,
        per_credit=per_credit,
        at_list=method1(offer.price, list_price).base if list_price else None,
        list_discount=1 - per_credit / list_price if list_price else None,
        at_target=credits_at_target(offer.price, cost, market.target),
        anchor=anchor,
        parity=_parity(offer, market) if market.competitors else None,
        margins=tuple(_margins(offer, anchor, market.cost)),
        target_reached=utilisation_for_target(offer.price, offer.credits, cost, market.target),
        stacked=net_per_base_credit(offer.price, offer.credits, (offer.standing, offer.passing), market.cost),
    )


def _margins(offer: Offer, anchor: Anchor | None, cost: Fraction) -> list[Earned]:
    """At each quarter of the credits, then at each quantile of observed use."""
    points = [(None, quarter * offer.credits) for quarter in QUARTERS]
    seen = list(anchor.quantiles.items()) if anchor else []
    return [
        Earned(share=share, utilisation=used / offer.credits, margin=earned(offer, used, cost))
        for share, used in [*points, *seen]
    ]


def _per_call(market: Market) -> Fraction | None:
    return market.basket.per_call(market.prices) if market.basket.volumes and market.prices else None


def _parity(offer: Offer, market: Market) -> Parity:
    per_call = market.basket.per_call(market.prices) * offer.standing
    ranked = sorted(market.competitors, key=lambda one: one.per_thousand_calls)
    middle = median(one.per_thousand_calls for one in ranked)
    calls = offer.credits / per_call
    (price,) = per_thousand([(calls, offer.price)])
    return Parity(
        calls=calls,
        per_thousand_calls=price,
        credits_at_median=offer.price * 1000 / middle * per_call,
        credits_at_cheapest=parity(offer.price, per_call, ranked[0]),
    )

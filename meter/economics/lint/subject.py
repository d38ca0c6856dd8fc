"""What the linter looks at: the policy, and what people declare of their costs and aims beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import cached_property
from zoneinfo import ZoneInfo

from meter.credits import MICRO, Credits
from meter.economics.lint.corners import Corner, corners
from meter.economics.table.ladders import Ladder
from meter.policy.model import Adjustment, Operation, Place, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a call of one operation costs to serve, in money, and what is said of it."""

    operation: str
    cost: Fraction
    value: Fraction | None = None
    """The value multiplier that its price is meant to hold."""
    margin: Fraction | None = None
    """Money that a call is said to leave."""
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """What a plan's included credits are said to be above what its price buys at the list: 0.75 for 75 % more."""

    plan: str
    share: Fraction
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a competitor sells: credits for money."""

    name: str
    credits: Fraction
    price: Fraction
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A line of a dashboard's breakdown: credits, and the whole percent that is shown beside them."""

    name: str
    credits: Fraction
    percent: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """What a dashboard shows to a customer."""

    used: Fraction
    day: Fraction
    days: Fraction
    projected: Fraction
    breakdown: tuple[Part, ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Economics:
    """What is declared beside a policy; None, or nothing, where it is not."""

    price_per_credit: Fraction | None = None
    target_margin: Fraction | None = None
    margin_floor: Fraction | None = None
    blended_cost: Fraction | None = None
    """Money that a credit is said to cost, as the average of all operations."""
    ladder: Ladder | None = None
    zone: ZoneInfo | None = None
    """Where the customers live."""
    load_max: Fraction | None = None
    """The highest load that can be."""
    commitments: tuple[Credits, ...] = ()
    """Of accounts that have one of their own."""
    costs: Mapping[str, Cost] = field(default_factory=dict)
    bundles: tuple[Buffer, ...] = ()
    offers: tuple[Offer, ...] = ()
    dashboard: Dashboard | None = None
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where each of them was declared, by its name."""

    def over(self, before: "Economics") -> "Economics":
        """What both declare; of what both say, this one's."""
        said = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in {"places", "costs"}}
        said = {name: value for name, value in said.items() if value not in (None, ())}
        places = {name: place for name, place in before.places.items() if name not in said}
        merged = replace(before, **said)
        return replace(merged, costs={**before.costs, **self.costs}, places={**places, **self.places})


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A method on a path of an OpenAPI document."""

    method: str
    path: str
    """With its server's prefix: ``/v1/images/{id}``."""
    place: Place


@dataclass(frozen=True, kw_only=True)
class Subject:
    """All that the rules look at. Its derived values are computed once, when a rule first asks."""

    policy: Policy
    economics: Economics = field(default_factory=Economics)
    endpoints: tuple[Endpoint, ...] | None = None
    """Of the OpenAPI document; None where there is none."""
    document: Place | None = None
    """Where that begins."""
    year: int
    """Whose changes of clocks count."""
    places: Mapping[tuple[str, ...], Place] = field(default_factory=dict)
    """Where in the policy files adjustments, tiers and the unmatched rule stand."""

    @cached_property
    def fixed(self) -> tuple[Operation, ...]:
        """The operations with one number as their price."""
        found = self.policy.operations.values()
        return tuple(one for one in found if not one.free and not any(price.rates for price in one.prices))

    @cached_property
    def corners(self) -> Mapping[str, tuple[Corner, ...]]:
        """Every price that a fixed operation can have, by the operation's name."""
        own = self.economics.commitments
        return {one.name: corners(self.policy, one, own, self.year) for one in self.fixed}

    @cached_property
    def adjustments(self) -> Mapping[Adjustment, Sequence[Operation]]:
        """Every adjustment, with the operations of its file."""
        found: dict[Adjustment, list[Operation]] = {}
        for operation in self.policy.operations.values():
            for adjustment in operation.adjustments:
                found.setdefault(adjustment, []).append(operation)
        return found

    @cached_property
    def costed(self) -> tuple[tuple[Operation, Cost], ...]:
        """The fixed operations whose cost is known."""
        known = self.economics.costs
        return tuple((one, known[one.name]) for one in self.fixed if one.name in known)

    @property
    def price(self) -> Fraction:
        """Money for a credit; asked for by rules that need it alone."""
        return self.economics.price_per_credit or Fraction(0)

    @property
    def cost_per_credit(self) -> Fraction | None:
        """What a credit costs: as declared, else the dearest that any operation's can at its list price."""
        if self.economics.blended_cost is not None:
            return self.economics.blended_cost
        return max(self.costs_per_credit, default=None)

    @property
    def costs_per_credit(self) -> Iterator[Fraction]:
        """What a credit of each operation costs at its list price."""
        return (cost.cost / in_credits(one.price.base) for one, cost in self.costed if one.price.base)

    def price_on(self, plan: str | None) -> Fraction:
        """Money that a credit brings on a plan whose included credits are all used; at most the list price.

        Free plans bring no money at all, which is another rule's business: there the list price counts.
        """
        sold = None if plan is None else self.policy.plans[plan]
        if sold is None or not sold.price or not sold.included:
            return self.price
        return min(self.price, sold.price / in_credits(sold.included))

    def place_of(self, *path: str, otherwise: Place) -> Place:
        """Where something of the policy files stands."""
        return self.places.get(path, otherwise)


def in_credits(amount: Credits) -> Fraction:
    """An amount as a number of credits."""
    return Fraction(amount, MICRO)

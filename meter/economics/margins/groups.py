"""Calls in groups: by operation, plan, customer, hour and size, with exact sums of what came in and what went out."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction

from meter.credits import MICRO, Credits
from meter.economics.exact import EconomicsError
from meter.economics.margins.worth import Parts
from meter.economics.traffic import Call

NONE = "-"
"""What stands for a plan or a size that a call does not have."""
SIZE = "size"
TEN = 10

Key = tuple[str, ...]
"""What the calls of a group have in common, in the order of ``by``."""
Paid = tuple[Call, Parts, Fraction]
"""A call, what it was paid with, and what serving it cost."""


@dataclass(slots=True)
class Group:
    """Calls that have something in common; sums are exact."""

    key: Key
    calls: int = 0
    micro: int = 0
    cost: Fraction = Fraction(0)
    free: bool = True
    """Whether no call had a price: none that ended well cost a credit."""
    worth: Counter[Fraction] = field(default_factory=Counter)
    """Micro-credits by what one credit of them was worth."""

    @property
    def revenue(self) -> Fraction:
        """What its calls were paid with, in money."""
        return sum((micro * worth for worth, micro in self.worth.items()), Fraction(0)) / MICRO

    @property
    def credits(self) -> Credits:
        """What its calls cost."""
        return Credits(self.micro)

    @property
    def margin(self) -> Fraction | None:
        """What is left of its revenue, as a share; None where nothing came in: nothing is divided by zero."""
        revenue = self.revenue
        return (revenue - self.cost) / revenue if revenue else None


@dataclass(frozen=True, slots=True)
class Grouped:
    """Groups, and beside them, call by call, what statistics need: floats."""

    groups: tuple[Group, ...]
    which: "array[int]"
    """The group of each call, by its place."""
    revenues: "array[float]"
    costs: "array[float]"


def grouped(paid: Iterable[Paid], by: Sequence[str]) -> Grouped:
    """Put calls into groups; each call is in exactly one.

    Args:
        paid: calls with what they brought in and cost.
        by: names of ``BY``, or ``size:METER``.

    Raises:
        EconomicsError: as ``keys``; or a call has several sizes, and ``by`` does not say which.
    """
    parts_of = keys(by)
    places: dict[Key, int] = {}
    groups: list[Group] = []
    found = Grouped((), array("q"), array("d"), array("d"))
    for call, parts, cost in paid:
        key = tuple(part(call) for part in parts_of)
        place = places.setdefault(key, len(groups))
        if place == len(groups):
            groups.append(Group(key))
        found.which.append(place)
        found.costs.append(float(cost))
        found.revenues.append(_add(groups[place], call, parts, cost))
    return Grouped(tuple(groups), found.which, found.revenues, found.costs)


def keys(by: Iterable[str]) -> tuple[Callable[[Call], str], ...]:
    """What tells the group of a call, name by name.

    Raises:
        EconomicsError: calls can't be grouped by one of the names.
    """
    return tuple(_key(name) for name in by)


def total(groups: Iterable[Group]) -> Group:
    """All groups as one."""
    every = Group(())
    for group in groups:
        every.calls += group.calls
        every.micro += group.micro
        every.cost += group.cost
        every.free &= group.free
        every.worth.update(group.worth)
    return every


def _add(group: Group, call: Call, parts: Parts, cost: Fraction) -> float:
    group.calls += 1
    group.micro += call.credits
    group.cost += cost
    group.free &= not call.credits and call.charged > 0
    revenue = 0.0
    for micro, worth in parts:
        group.worth[worth] += micro
        revenue += micro * float(worth) / MICRO
    return revenue


def _hour(call: Call) -> str:
    return f"{datetime.fromtimestamp(call.at, UTC):%H}:00"


BY: Mapping[str, Callable[[Call], str]] = {
    "operation": lambda call: call.operation,
    "plan": lambda call: call.plan or NONE,
    "customer": lambda call: call.account.partition("/")[0],
    "hour": _hour,
    SIZE: lambda call: _bucket(_only(call)),
}
"""What calls can be grouped by: the hour is one of the day, in UTC; the customer is the root of the account."""


def _key(name: str) -> Callable[[Call], str]:
    what, colon, meter = name.partition(":")
    if what == SIZE and colon:
        return lambda call: _bucket(call.usage.get(meter))
    if name not in BY:
        raise EconomicsError(f"{name!r} is nothing to group by; name some of {', '.join(BY)}, size:METER.")
    return BY[name]


def _only(call: Call) -> Fraction | None:
    """What the one meter of a call read."""
    if len(call.usage) > 1:
        meters = sorted(call.usage)
        raise EconomicsError(
            f"A call of {call.operation} has the sizes {', '.join(meters)}; say which one, as size:{meters[0]}."
        )
    return next(iter(call.usage.values()), None)


def _bucket(units: Fraction | None) -> str:
    """A bucket of sizes: below one, then a power of ten each, so that names tell where it begins."""
    if units is None:
        return NONE
    if units < 1:
        return "<1"
    digits = len(str(int(units)))
    return f"{TEN ** (digits - 1)}-{TEN**digits - 1}"

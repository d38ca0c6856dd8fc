"""What measured calls of each operation cost, and what the billed ones of them have to carry."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from meter.economics.cost.rates import STEP
from meter.economics.cost.sharing import RESOURCES, Rule, shared_out, whole_steps
from meter.economics.cost.sizes import Bucket, Buckets, divider
from meter.economics.cost.spread import Spread, spread
from meter.economics.cost.units import Resource
from meter.economics.cost.whole import total
from meter.economics.exact import EconomicsError, decimal_text

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A call that was measured, or several calls of which there are averages."""

    operation: str
    cost: Fraction
    """Money a call, by the rate card."""
    calls: Fraction = Fraction(1)
    billed: Fraction = Fraction(1)
    """How many of the calls paid anything."""
    third_party: Fraction = ZERO
    """How much of a call's cost is somebody else's money."""
    used: Mapping[Resource, Fraction]
    """By a call."""
    size: Fraction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What calls of one operation cost."""

    name: str
    spread: Spread
    """Of the cost of a call, before anything is shared out."""
    billed: Fraction
    """Calls that paid."""
    direct: Fraction
    """What all its calls cost by the rate card."""
    unbilled: Fraction
    """How much of that is of calls that paid nothing."""
    third_party: Fraction
    """How much of it is somebody else's money."""
    allocated: Fraction
    """Direct cost and its share of idle and overhead."""
    carried: Fraction
    """What its billed calls carry for operations of which no call was billed."""
    averaged: bool
    """Whether some rows were averages, so that the spread of single calls is greater than is known."""
    sizes: tuple[tuple[Bucket, Spread], ...] = ()

    @property
    def per_billed_call(self) -> Fraction | None:
        """What a call must bring in, so that nothing is lost; None where no call was billed."""
        return (self.allocated + self.carried) / self.billed if self.billed else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What all calls cost."""

    operations: tuple[Operation, ...]
    """Those that cost most first."""
    bill: Fraction | None
    rule: Rule

    @property
    def direct(self) -> Fraction:
        """What all calls cost by the rate card."""
        return sum((one.direct for one in self.operations), ZERO)

    @property
    def overhead(self) -> Fraction:
        """What the bill exceeds that by: idle and overhead; negative where the bill is below it."""
        return ZERO if self.bill is None else self.bill - self.direct

    @property
    def nobodys(self) -> bool:
        """Whether no call was billed at all, so that nobody carries anything."""
        return not any(one.billed for one in self.operations)


def costs(
    measured: Iterable[Measured],
    *,
    bill: Fraction | None = None,
    rule: Rule = Rule.DIRECT,
    step: Fraction = STEP,
    buckets: Buckets = Buckets.QUARTILES,
) -> Costs:
    """Sum up measured calls by operation, and share out what the bill exceeds their cost by.

    What is allocated is the bill, to the last step. A bill below the direct cost is shared out in proportion to that,
    whatever the rule: no other one keeps every part at zero or above.

    Args:
        measured: the calls.
        bill: what was paid for all of them together; None where only the rate card is known.
        rule: how idle and overhead are shared out.
        step: what is allocated in whole numbers of.
        buckets: how the sizes of calls are divided, where they have some.

    Raises:
        EconomicsError: there is no call; the bill is negative, or no whole number of steps; or nothing was used of
            what it is to be shared out by.
    """
    by_name: dict[str, list[Measured]] = {}
    for one in measured:
        by_name.setdefault(one.operation, []).append(one)
    found = {name: rows for name, rows in by_name.items() if any(row.calls for row in rows)}
    if not found:
        raise EconomicsError("There is no call to cost; measure one.")
    direct = [total(row.cost * row.calls for row in rows) for rows in found.values()]
    allocated = _allocated(list(found.values()), direct, bill, rule, step)
    carried = _carried(list(found.values()), allocated, direct)
    operations = [
        _operation(name, rows, buckets, direct=own, allocated=all_in, carried=carries)
        for (name, rows), own, all_in, carries in zip(found.items(), direct, allocated, carried, strict=True)
    ]
    ranked = sorted(operations, key=lambda one: (-one.allocated, one.name))
    return Costs(operations=tuple(ranked), bill=bill, rule=rule)


def _allocated(
    operations: Sequence[Sequence[Measured]],
    direct: Sequence[Fraction],
    bill: Fraction | None,
    rule: Rule,
    step: Fraction,
) -> Sequence[Fraction]:
    if bill is None:
        return direct
    if bill < 0:
        raise EconomicsError(f"The bill is {decimal_text(bill)}; it is never negative: leave credit notes out.")
    overhead = bill - sum(direct, ZERO)
    if overhead < 0:
        return whole_steps(shared_out(bill, direct), step)
    shares = _shares(overhead, operations, direct, rule)
    return whole_steps([own + share for own, share in zip(direct, shares, strict=True)], step)


def _shares(
    overhead: Fraction, operations: Sequence[Sequence[Measured]], direct: Sequence[Fraction], rule: Rule
) -> Sequence[Fraction]:
    weights = [_weight(rows, rule, own) for rows, own in zip(operations, direct, strict=True)]
    if overhead and not any(weights):
        raise EconomicsError(
            f"{decimal_text(overhead)} is to be shared out by {rule}, of which nothing was measured; choose another."
        )
    return shared_out(overhead, weights)


def _weight(rows: Sequence[Measured], rule: Rule, direct: Fraction) -> Fraction:
    if rule is Rule.DIRECT:
        return direct
    if rule is Rule.CALLS:
        return total(row.calls for row in rows)
    return total(row.used.get(RESOURCES[rule], ZERO) * row.calls for row in rows)


def _carried(
    operations: Sequence[Sequence[Measured]], allocated: Sequence[Fraction], direct: Sequence[Fraction]
) -> Sequence[Fraction]:
    """What each operation carries of those of which no call was billed, in proportion to its own cost."""
    paying = [any(row.billed for row in rows) for rows in operations]
    orphaned = sum((cost for cost, pays in zip(allocated, paying, strict=True) if not pays), ZERO)
    for basis in (allocated, direct, [total(row.billed for row in rows) for rows in operations]):
        weights = [weight if pays else ZERO for weight, pays in zip(basis, paying, strict=True)]
        if any(weights):
            return shared_out(orphaned, weights)
    return [ZERO for _ in operations]


def _operation(
    name: str, rows: Sequence[Measured], buckets: Buckets, *, direct: Fraction, allocated: Fraction, carried: Fraction
) -> Operation:
    found = spread((row.cost, row.calls) for row in rows)
    assert found is not None, "an operation without a call was left out"
    return Operation(
        name=name,
        spread=found,
        billed=total(row.billed for row in rows),
        direct=direct,
        unbilled=total(row.cost * (row.calls - row.billed) for row in rows if row.billed != row.calls),
        third_party=total(row.third_party * row.calls for row in rows if row.third_party),
        allocated=allocated,
        carried=carried,
        averaged=any(row.calls != 1 for row in rows),
        sizes=tuple(_by_size(rows, buckets)),
    )


def _by_size(rows: Sequence[Measured], buckets: Buckets) -> list[tuple[Bucket, Spread]]:
    sized = [(row.size, row.calls, row.cost) for row in rows if row.size is not None and row.calls]
    if not sized:
        return []
    bucket_of = divider(buckets, [size for size, _, _ in sized], [calls for _, calls, _ in sized])
    found: dict[Bucket, list[tuple[Fraction, Fraction]]] = {}
    for size, calls, cost in sized:
        found.setdefault(bucket_of(size), []).append((cost, calls))
    spreads = [(bucket, spread(costs)) for bucket, costs in found.items()]
    return sorted(((bucket, known) for bucket, known in spreads if known), key=lambda pair: pair[0].least)

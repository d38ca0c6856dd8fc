"""Sizes of calls, put in buckets: quartiles of an operation's own calls, or powers of ten."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import accumulate
from math import ceil

from meter.economics.cost.whole import whole
from meter.economics.exact import EconomicsError, decimal_text
from meter.policy.mistakes import instead, shown

QUARTERS = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1))


class Buckets(StrEnum):
    """How sizes are put in buckets."""

    QUARTILES = "quartiles"
    TENS = "tens"
    """From each power of ten up to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Sizes from one number to another."""

    least: Fraction
    most: Fraction
    open: bool = False
    """Whether ``most`` is the first that does not belong."""

    def __str__(self) -> str:
        if self.least == self.most:
            return decimal_text(self.least)
        return f"{decimal_text(self.least)} {'to below' if self.open else 'to'} {decimal_text(self.most)}"


def buckets_of(name: str) -> Buckets:
    """The way of a name.

    Raises:
        EconomicsError: there is no such way.
    """
    try:
        return Buckets(name)
    except ValueError as error:
        raise EconomicsError(f"{shown(name)} is no way to divide sizes; {instead(name, list(Buckets))}") from error


def quantile(weighted: Sequence[tuple[int, int]], share: Fraction) -> int:
    """The least value at or below which a share of the weight lies (nearest rank).

    Args:
        weighted: values with their weights, in order of the values; at least one weight is above zero.
        share: from above 0 to 1.
    """
    reached = list(accumulate(weight for _, weight in weighted))
    return weighted[bisect_left(reached, ceil(reached[-1] * share))][0]


def divider(way: Buckets, sizes: Sequence[Fraction], calls: Sequence[Fraction]) -> Callable[[Fraction], Bucket]:
    """What puts a size of one operation in its bucket; sizes that are equal are never parted.

    Args:
        way: how.
        sizes: all sizes of the operation; at least one.
        calls: how many calls have each.
    """
    if way is Buckets.TENS:
        return ten
    units, unit = whole(sizes)
    weighted = sorted(zip(units, whole(calls)[0], strict=True))
    edges = sorted({quantile(weighted, share) for share in QUARTERS})
    found = [_between(edges, place, weighted, unit) for place in range(len(edges))]
    return lambda size: found[bisect_left(edges, size * unit)]


def ten(size: Fraction) -> Bucket:
    """The powers of ten that a size is between; 0 is a bucket of its own."""
    if not size:
        return Bucket(least=size, most=size)
    least = Fraction(10) ** (len(str(size.numerator)) - len(str(size.denominator)))
    while least > size:
        least /= 10
    while least * 10 <= size:
        least *= 10
    return Bucket(least=least, most=least * 10, open=True)


def _between(edges: Sequence[int], place: int, weighted: Sequence[tuple[int, int]], unit: int) -> Bucket:
    """The bucket up to an edge, from the least size in it."""
    before = edges[place - 1] if place else -1
    least = next(size for size, _ in weighted if size > before)
    return Bucket(least=Fraction(least, unit), most=Fraction(edges[place], unit))

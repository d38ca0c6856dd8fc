"""Rates fitted from bills: the non-negative rates that explain most of them, and what they leave unexplained.

Least squares over rates of zero and above is Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23.
Where resources are always used in one proportion, no bill tells their rates apart: those are named, and theirs are one
of many answers. Everything here is an estimate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from meter.economics.cost.units import Resource
from meter.economics.exact import EconomicsError, decimal_text

SAME = 1e-9
"""Below which a singular value, of columns of length one, counts as zero: they do not differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A bill, and what was used for it."""

    place: str
    """For people: a name, or a file with its line."""
    used: Mapping[Resource, Fraction]
    bill: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The rates that explain bills best."""

    rates: Mapping[Resource, float]
    """Money for one of the resource's own unit."""
    explained: tuple[float, ...]
    """What the rates say of each bill."""
    bills: tuple[Fraction, ...]
    confounded: frozenset[Resource]
    """Those whose rates no such bills tell apart."""
    unused: frozenset[Resource]
    """Those of which nothing was used, so that nothing is known of their rates."""

    @property
    def unexplained(self) -> tuple[float, ...]:
        """What each bill exceeds its explanation by; negative where it is below."""
        return tuple(float(bill) - said for bill, said in zip(self.bills, self.explained, strict=True))

    @property
    def unexplained_share(self) -> float:
        """The unexplained money, up or down, in shares of all that was billed."""
        return sum(map(abs, self.unexplained)) / float(sum(self.bills))


def fit(observed: Sequence[Observed]) -> Fitted:
    """Find the rates.

    Raises:
        EconomicsError: there is no bill, one is negative, all are zero, or nothing was used.
    """
    _refuse(observed)
    named = list(dict.fromkeys(resource for one in observed for resource in one.used))
    used = [resource for resource in named if any(one.used.get(resource) for one in observed)]
    if not used:
        raise EconomicsError("Nothing was used, so nothing explains the bills; measure cpu_seconds, for one.")
    amounts = np.array([[float(one.used.get(resource, 0)) for resource in used] for one in observed])
    lengths = np.linalg.norm(amounts, axis=0)
    bills = np.array([float(one.bill) for one in observed])
    scale = float(np.linalg.norm(bills))
    solved, _ = nnls(amounts / lengths, bills / scale)
    return Fitted(
        rates=dict(zip(used, map(float, solved * scale / lengths), strict=True)),
        explained=tuple(map(float, (amounts / lengths) @ solved * scale)),
        bills=tuple(one.bill for one in observed),
        confounded=frozenset(used[place] for place in _confounded(amounts / lengths)),
        unused=frozenset(named) - frozenset(used),
    )


def _refuse(observed: Sequence[Observed]) -> None:
    if not observed:
        raise EconomicsError("There is no bill; give one row for each.")
    for one in observed:
        if one.bill < 0:
            raise EconomicsError(
                f"{one.place}: the bill is {decimal_text(one.bill)}; it is never negative: correct it."
            )
    if not any(one.bill for one in observed):
        raise EconomicsError("All bills are 0, which every rate of 0 explains; give bills of something that costs.")


def _confounded(columns: NDArray[np.float64]) -> list[int]:
    """The columns of which a combination is nothing: those that stand in a vector of the null space."""
    _, values, vectors = np.linalg.svd(columns)
    rank = int(np.sum(values > SAME * max(values[0], 1.0)))
    return [place for place in range(columns.shape[1]) if np.any(np.abs(vectors[rank:, place]) > SAME**0.5)]

"""How sure a margin is: bounds and one-sided tests of the ratio cost over revenue, group by group.

The ratio is judged by its linearised residuals (Cochran, Sampling Techniques, 1977, 6.4). Costs have long right tails,
so the studentised mean is corrected for skewness by Hall's cubic transformation (P. Hall, On the Removal of Skewness by
Transformation, J. R. Statist. Soc. B 54, 1992), which is monotone and has a closed inverse. Everything here is an
estimate, in floats.
"""

from dataclasses import dataclass
from math import ceil, isfinite

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from meter.economics.margins.groups import Grouped

ALPHA = 0.05
"""The share of false discoveries that is allowed, and one minus the confidence of each bound."""
EVENTS_MIN = 100
"""Below so many calls no group is judged: a skewed mean can't be told from few of them."""
MORE_MAX = 10**9
"""More calls than anybody waits for."""
NOISE = 1e-9
"""What rounding leaves of a number that is zero, as a share of what it was made of."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What is known of one group's margin; None where it can't be known yet."""

    lower: float | None = None
    upper: float | None = None
    p: float | None = None
    """How likely calls like these are if the margin is really at the floor."""
    adjusted: float | None = None
    """The same with all groups in view (Benjamini and Hochberg); at most ``ALPHA`` is a discovery."""
    more: int | None = None
    """About so many calls more until the bound clears the floor, if the margin stays what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moments:
    """What is known of the ratio of each group that can be judged; arrays in the order of the groups."""

    n: NDArray[np.int64]
    ratio: Floats
    unit: Floats
    """The residuals' standard deviation over the mean revenue; zero where all calls have one margin."""
    skew: Floats


def bounds(grouped: Grouped, floor: float) -> tuple[Bound, ...]:
    """Bounds of each group's margin, and how far each is from the floor.

    The groups have no call in common. Benjamini and Hochberg's step-up holds for independent groups, and for those that
    a common shock moves the same way (Benjamini and Yekutieli, Ann. Statist. 29, 2001).

    Args:
        grouped: calls by group.
        floor: the margin that an operation should have at least.
    """
    keep = [group.calls >= EVENTS_MIN and group.revenue > 0 for group in grouped.groups]
    judged = iter(_judged(_moments(grouped, np.asarray(keep)), floor) if any(keep) else ())
    few = (Bound(more=max(0, EVENTS_MIN - group.calls) or None) for group in grouped.groups)
    return tuple(next(judged) if kept else bound for kept, bound in zip(keep, few, strict=True))


def _judged(known: _Moments, floor: float) -> tuple[Bound, ...]:
    """The bounds of the groups that can be judged."""
    far = known.ratio - (1 - floor)
    p = _p(known, far)
    adjusted = stats.false_discovery_control(p, method="bh")
    reach = stats.t.ppf(1 - ALPHA, known.n - 1)
    root = np.sqrt(known.n)
    upper = 1 - known.ratio + known.unit * _studentised(reach / root, known)
    lower = 1 - known.ratio + known.unit * _studentised(-reach / root, known)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = (reach * known.unit / far) ** 2
    return tuple(
        Bound(lower=low, upper=up, p=chance, adjusted=corrected, more=_more(calls, int(n)))
        for low, up, chance, corrected, calls, n in zip(
            *(column.tolist() for column in (lower, upper, p, adjusted, wanted, known.n)), strict=True
        )
    )


def _moments(grouped: Grouped, keep: NDArray[np.bool_]) -> _Moments:
    size = len(grouped.groups)
    which, revenue = np.asarray(grouped.which, dtype=np.int64), np.asarray(grouped.revenues)
    n, paid = np.bincount(which, minlength=size), np.bincount(which, revenue, size)
    spent = np.bincount(which, grouped.costs, size)
    ratio = spent / np.where(keep, paid, 1.0)
    residual = np.asarray(grouped.costs) - ratio[which] * revenue
    # In units of what the group is made of: the cube of a plain residual may pass what a float holds.
    made_of = np.maximum(np.maximum(paid, spent), np.finfo(np.float64).tiny) / n
    second, third = (np.bincount(which, (residual / made_of[which]) ** power, size)[keep] for power in (2, 3))
    n, paid, ratio, made_of = n[keep], paid[keep], ratio[keep], made_of[keep]
    spread = np.sqrt(second / (n - 1))
    noise = spread <= NOISE
    skew = np.where(noise, 0.0, third / n / np.where(noise, 1.0, spread) ** 3)
    return _Moments(n=n, ratio=ratio, unit=np.where(noise, 0.0, spread * made_of * n / paid), skew=skew)


def _p(known: _Moments, far: Floats) -> Floats:
    """How likely so high a cost is, were the margin at the floor; sure where all calls have one margin."""
    sure, a, n = known.unit == 0, known.skew, known.n
    mean = np.where(sure, 0.0, far) / np.where(sure, 1.0, known.unit)
    hall = mean + a * mean**2 / 3 + a**2 * mean**3 / 27 + a / (6 * n)
    return np.where(sure, np.where(far > 0, 0.0, 1.0), stats.t.sf(np.sqrt(n) * hall, n - 1))


def _studentised(hall: Floats, known: _Moments) -> Floats:
    """The studentised mean that has this transformation."""
    plain = np.abs(known.skew) < NOISE
    a = np.where(plain, 1.0, known.skew)
    return np.where(plain, hall, 3 / a * (np.cbrt(1 + a * (hall - a / (6 * known.n))) - 1))


def _more(wanted: float, calls: int) -> int | None:
    if not isfinite(wanted) or wanted > MORE_MAX:
        return None
    return max(0, ceil(wanted) - calls) or None

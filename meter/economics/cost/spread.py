"""Mean, spread and the 95th percentile of what calls cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

from meter.economics.cost.sizes import quantile

P95 = Fraction(95, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What is known of the costs of some calls."""

    calls: Fraction
    mean: Fraction
    sd: float
    """Of single calls, with n - 1 (Bessel); of averages, what is left of it."""
    cv: float | None
    """sd / mean; None where the mean is zero."""
    p95: Fraction
    """The least cost that 95 % of the calls do not exceed (nearest rank)."""


def spread(costs: Iterable[tuple[Fraction, Fraction]]) -> Spread | None:
    """Sum up costs a call, each with its number of calls; None of no call."""
    weighted = sorted((cost, calls) for cost, calls in costs if calls)
    if not weighted:
        return None
    calls = sum((weight for _, weight in weighted), Fraction(0))
    mean = sum((cost * weight for cost, weight in weighted), Fraction(0)) / calls
    sd = _deviation([(float(cost - mean), float(weight)) for cost, weight in weighted], float(calls))
    cv = sd / float(mean) if mean else None
    return Spread(calls=calls, mean=mean, sd=sd, cv=cv, p95=quantile(weighted, P95))


def _deviation(weighted: list[tuple[float, float]], calls: float) -> float:
    if calls <= 1:
        return 0.0
    return sqrt(sum(weight * away * away for away, weight in weighted) / (calls - 1))

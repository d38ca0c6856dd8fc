"""Mean, spread and the 95th percentile of what calls cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

from meter.economics.cost.sizes import quantile
from meter.economics.cost.whole import whole

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
    counted = [(cost, calls) for cost, calls in costs if calls]
    if not counted:
        return None
    amounts, unit = whole([cost for cost, _ in counted])
    weights, one = whole([calls for _, calls in counted])
    weighted = sorted(zip(amounts, weights, strict=True))
    calls = Fraction(sum(weights), one)
    mean = Fraction(sum(amount * weight for amount, weight in weighted), one) / calls
    squares = Fraction(sum(amount * amount * weight for amount, weight in weighted), one)
    sd = sqrt((squares - calls * mean * mean) / (calls - 1) / unit**2) if calls > 1 else 0.0
    p95 = Fraction(quantile(weighted, P95), unit)
    return Spread(calls=calls, mean=mean / unit, sd=sd, cv=sd / float(mean / unit) if mean else None, p95=p95)

"""The scales on which a day is a sum of level, weekday, trend and noise: logarithm, square root, or as it is.

On the logarithm all of them are factors; as it is they are amounts; the root lies between, as counts do. A scale is the
power ``lambda`` of Box and Cox (1964), ``(x^lambda - 1) / lambda``, of a use ``x`` in average days: near an average
day all of them are ``x - 1``, so that one prior is good for each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from meter.economics.forecast.prior import Numbers

EXPONENT_MAX = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One scale; a day on it is normal."""

    power: float
    weight: float
    """How likely it is, before the days are looked at."""
    moments: Callable[[Numbers, Numbers], tuple[Numbers, Numbers]]
    """From means (… × day) and covariances (… × day × day) on the scale, E[x] and E[x x'] of the uses themselves."""

    def of(self, uses: Numbers) -> Numbers:
        """Put uses, all above nothing, on the scale."""
        return np.log(uses) if self.power == 0 else (uses**self.power - 1) / self.power

    def log_slope(self, uses: Numbers) -> float:
        """The logarithm of how much the scale stretches such uses: likelihoods are compared by it."""
        return float((self.power - 1) * np.log(uses).sum())


def _of_logarithms(mean: Numbers, covariance: Numbers) -> tuple[Numbers, Numbers]:
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    expected = np.exp(np.minimum(mean + variance / 2, EXPONENT_MAX))
    return expected, _outer(expected) * np.exp(np.minimum(covariance, EXPONENT_MAX))


def _of_roots(mean: Numbers, covariance: Numbers) -> tuple[Numbers, Numbers]:
    root, shared = 1 + mean / 2, covariance / 4
    expected = root**2 + np.diagonal(shared, axis1=-2, axis2=-1)
    return expected, _outer(expected) + 2 * shared**2 + 4 * _outer(root) * shared


def _of_amounts(mean: Numbers, covariance: Numbers) -> tuple[Numbers, Numbers]:
    expected = 1 + mean
    return expected, _outer(expected) + covariance


def _outer(vector: Numbers) -> Numbers:
    product: Numbers = vector[..., :, None] * vector[..., None, :]
    return product


SCALES: Mapping[str, Scale] = {
    "logarithm": Scale(power=0.0, weight=0.6, moments=_of_logarithms),
    "root": Scale(power=0.5, weight=0.2, moments=_of_roots),
    "amount": Scale(power=1.0, weight=0.2, moments=_of_amounts),
}

"""A sum of days ahead: a mixture of gamma distributions, one for each combination of beliefs."""

from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.special import gammainc

from meter.economics.forecast.prior import Numbers

TINY = 1e-9
FAR = 40.0
"""No quantile that is asked for is so many standard deviations away."""
NEAR = 1e-9
"""How exactly a quantile is found, in average days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What is used in some days, as far as anybody can say; all of it is an estimate."""

    weights: Numbers
    means: Numbers
    """Of each gamma distribution, in ``unit``; as the deviations, above nothing."""
    deviations: Numbers
    unit: float
    """Credits of an average day."""

    def below(self, amount: float) -> float:
        """The chance that it is at most so many credits."""
        shapes = (self.means / self.deviations) ** 2
        return float(self.weights @ gammainc(shapes, max(amount, 0.0) / self.unit * shapes / self.means))

    def quantile(self, chance: float) -> float:
        """The credits that it stays at or below with a chance, above 0 and below 1."""
        most = float((self.means + FAR * self.deviations).max()) * self.unit
        return float(brentq(lambda amount: self.below(amount) - chance, 0.0, most, xtol=NEAR * self.unit))

"""What is believed of an account's days before they are looked at: how uneven, how weekly, how steadily growing.

Every belief is a standard deviation in shares of an average day (0.2 is about 20 %), out of a few, each with its
weight. The numbers were chosen by measuring (``bench/forecast.py``); change one, and measure again.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Weighed = tuple[tuple[float, float], ...]
"""Standard deviations, each with its weight."""

NOISES = np.geomspace(0.03, 1.5, 10)
"""How far a day is from what its weekday and its time let expect; each is as likely."""
LEVEL = 1.0
WEEKDAYS: Weighed = ((0.05, 1 / 3), (0.2, 1 / 3), (0.5, 1 / 3))
"""How far a weekday is from the others: the smaller, the flatter the profile that few weeks are read as."""
WEEKENDS: Weighed = ((0.0, 1 / 2), (0.8, 1 / 2))
"""How far Saturday and Sunday together are from the other days."""
TRENDS: Weighed = ((0.003, 0.4), (0.01, 0.4), (0.02, 0.2))
"""How much a day is above the one before it, all days alike."""
WANDERINGS: Weighed = ((0.0, 0.9), (0.03, 0.06), (0.1, 0.04))
"""How far the level moves from one day to the next, each day for itself."""

WEEK = 7
SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Beliefs:
    """All combinations but for the noise: how days go together under each, and how likely each is."""

    covariances: Numbers
    """Combination × day × day."""
    log_weights: Numbers


def beliefs(at: NDArray[np.int64], weekdays: NDArray[np.int64]) -> Beliefs:
    """Say how some days go together.

    Args:
        at: the days, in order; the last one that is known is 0.
        weekdays: Monday is 0.
    """
    parts = (_weekday(weekdays), _weekend(weekdays), np.outer(at, at).astype(np.float64), _wandering(at))
    combinations = list(product(WEEKDAYS, WEEKENDS, TRENDS, WANDERINGS))
    variances = np.array([[sd**2 for sd, _ in one] for one in combinations])
    weights = np.array([[weight for _, weight in one] for one in combinations])
    return Beliefs(
        covariances=LEVEL**2 + np.einsum("cp,pij->cij", variances, np.array(parts)),
        log_weights=np.log(weights).sum(axis=1),
    )


def _weekday(weekdays: NDArray[np.int64]) -> Numbers:
    """Each weekday is itself, and all of them together are nothing."""
    same: NDArray[np.bool_] = np.equal.outer(weekdays, weekdays)
    return same.astype(np.float64) - 1 / WEEK


def _weekend(weekdays: NDArray[np.int64]) -> Numbers:
    contrast = (weekdays >= SATURDAY) - (WEEK - SATURDAY) / WEEK
    return np.outer(contrast, contrast)


def _wandering(at: NDArray[np.int64]) -> Numbers:
    """A random walk that begins with the first of the days."""
    steps = at - at[0] + 1.0
    shared: Numbers = np.minimum.outer(steps, steps)
    return shared

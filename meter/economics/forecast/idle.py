"""Days of nothing: whether a day is used at all, apart from how much it then is.

Each weekday has its own chance, drawn from a beta distribution around the account's; how alike the weekdays are is
found out too (``ALIKE``): closed weekends make them differ, a customer who comes now and then does not.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, softmax

from meter.economics.forecast.prior import WEEK, Numbers

ALIKE = np.array([0.2, 2.0, 20.0, 500.0])
"""How alike the weekdays' chances are: how many days of its own a weekday must have until they count as much."""
ALIKE_WEIGHTS = np.array([0.15, 0.1, 0.15, 0.6])
CHANCES = (np.arange(20) + 0.5) / 20


def busy(used: NDArray[np.bool_], weekdays: NDArray[np.int64], ahead: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
    """Say of days ahead how likely each is used, and each with each other.

    Args:
        used: of the days that are known, the first of which is used, whether they are.
        weekdays: theirs.
        ahead: those of the days ahead.
    """
    if used.all():
        return np.ones(len(ahead)), np.ones((len(ahead), len(ahead)))
    alike, chance = (one.ravel() for one in np.meshgrid(ALIKE, CHANCES, indexing="ij"))
    yes, no = _counted(used[1:], weekdays[1:])
    of_yes, of_no = np.outer(alike * chance, np.ones(WEEK)), np.outer(alike * (1 - chance), np.ones(WEEK))
    seen = (betaln(of_yes + yes, of_no + no) - betaln(of_yes, of_no)).sum(axis=1)
    weights = softmax(seen + np.log(np.repeat(ALIKE_WEIGHTS, len(CHANCES))))
    return _moments(weights, of_yes + yes, of_no + no, ahead)


def _counted(used: NDArray[np.bool_], weekdays: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
    """How many days of each weekday were used, and how many were not."""
    yes, no = (np.bincount(weekdays[which], minlength=WEEK).astype(np.float64) for which in (used, ~used))
    return yes, no


def _moments(weights: Numbers, yes: Numbers, no: Numbers, ahead: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
    mean = yes / (yes + no)
    variance = mean * (1 - mean) / (yes + no + 1)
    one = mean[:, ahead]
    both = one[:, :, None] * one[:, None, :] + np.equal.outer(ahead, ahead) * variance[:, ahead][:, :, None]
    itself = np.arange(len(ahead))
    both[:, itself, itself] = one
    return weights @ one, np.einsum("w,wij->ij", weights, both)

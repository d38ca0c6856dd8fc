"""What the days of a use that is known say of those ahead: Bayes' rule over a few beliefs, each worked out exactly.

Under each combination of beliefs the days are a normal vector on a scale, so what is ahead is normal too, given what is
known (Rasmussen and Williams 2006, 2.2); its sums have known means and variances, and a gamma distribution stands for
each. How likely a combination made the known days is its weight. No random number is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from meter.economics.forecast.idle import busy
from meter.economics.forecast.mixture import TINY, Mixture
from meter.economics.forecast.prior import NOISES, WEEK, Beliefs, Numbers, beliefs
from meter.economics.forecast.scales import SCALES, Scale

KNOWN_MAX = 70
"""How many days back are looked at: ten weeks."""
LIKELY = 1e-5
"""Combinations of less weight are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The days ahead."""

    days: tuple[Mixture, ...]
    """Each for itself."""
    until: tuple[Mixture, ...]
    """All from the first to it together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """Every combination of beliefs and noise, given the days that are known; on any scale."""

    to_known: Numbers
    """Belief × known day × its eigenvector."""
    precisions: Numbers
    """Belief × noise × eigenvector."""
    to_ahead: Numbers
    """Belief × day ahead × eigenvector."""
    covariances: Numbers
    """Belief × noise × day ahead × day ahead, noise and all."""
    log_weights: Numbers


def look_ahead(known: Sequence[float], shares: Sequence[float], *, weekday: int) -> Ahead | None:
    """Say what will be used on the days after some that are known; None where nothing was used on any of them.

    Args:
        known: what was used day by day, none below zero, the last one yesterday.
        shares: of each day from today on, how much of it is ahead: 1 of a whole day, at least one day.
        weekday: of the first day of ``known``; Monday is 0.
    """
    uses, weekdays = _since_the_first_use(known, weekday)
    if not len(uses):
        return None
    ahead = (weekdays[-1] + 1 + np.arange(len(shares))) % WEEK
    used = np.flatnonzero(uses)
    unit = float(uses[used].mean())
    at = np.concatenate([used - len(uses) + 1, 1 + np.arange(len(shares))])
    given = _given(beliefs(at, np.concatenate([weekdays[used], ahead])), known=len(used))
    weights, first, second = _uses(given, uses[used] / unit)
    once, twice = busy(uses > 0, weekdays, ahead)
    share = np.asarray(shares, dtype=np.float64)
    return _summed(weights, first * once * share, second * twice * np.outer(share, share), unit)


def _since_the_first_use(known: Sequence[float], weekday: int) -> tuple[Numbers, NDArray[np.int64]]:
    """The days since the first that was used, for a customer was not there before it; with their weekdays."""
    uses = np.asarray(known, dtype=np.float64)
    weekdays = (weekday + np.arange(len(uses))) % WEEK
    begin = max(len(uses) - KNOWN_MAX, 0)
    used = np.flatnonzero(uses[begin:])
    begin += int(used[0]) if len(used) else len(uses)
    return uses[begin:], weekdays[begin:]


def _given(prior: Beliefs, *, known: int) -> _Given:
    """Condition on the first days, as many as are known."""
    covariances = prior.covariances
    values, to_known = np.linalg.eigh(covariances[:, :known, :known])
    variances = NOISES**2
    precisions = 1 / (np.maximum(values, 0)[:, None, :] + variances[None, :, None])
    to_ahead = covariances[:, known:, :known] @ to_known
    explained = (to_ahead[:, None] * precisions[:, :, None, :]) @ to_ahead[:, None].swapaxes(-1, -2)
    noise = variances[None, :, None, None] * np.eye(to_ahead.shape[1])
    return _Given(
        to_known=to_known,
        precisions=precisions,
        to_ahead=to_ahead,
        covariances=covariances[:, None, known:, known:] - explained + noise,
        log_weights=prior.log_weights,
    )


def _uses(given: _Given, uses: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Of every likely combination its weight, and the first and second moments of the days ahead."""
    found = [_on(scale, given, uses) for scale in SCALES.values()]
    log_weights = np.array([log_weight for log_weight, _, _ in found])
    weights = np.exp(log_weights - logsumexp(log_weights))
    likely = weights > LIKELY
    first, second = (np.array([one[place] for one in found])[likely] for place in (1, 2))
    return weights[likely] / weights[likely].sum(), first, second


def _on(scale: Scale, given: _Given, uses: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    values = np.einsum("bkv,k->bv", given.to_known, scale.of(uses))[:, None, :]
    fit = (np.log(given.precisions) - values**2 * given.precisions).sum(axis=2) / 2
    log_weight = fit + given.log_weights[:, None] + scale.log_slope(uses) + np.log(scale.weight)
    mean = (values * given.precisions) @ given.to_ahead.swapaxes(-1, -2)
    return log_weight, *scale.moments(mean, given.covariances)


def _summed(weights: Numbers, first: Numbers, second: Numbers, unit: float) -> Ahead:
    """The mixtures of each day, and of all until each."""
    each = np.diagonal(second, axis1=-2, axis2=-1)
    all_until = np.diagonal(second.cumsum(axis=-1).cumsum(axis=-2), axis1=-2, axis2=-1)
    return Ahead(
        days=_mixtures(weights, first, each, unit),
        until=_mixtures(weights, first.cumsum(axis=-1), all_until, unit),
    )


def _mixtures(weights: Numbers, first: Numbers, second: Numbers, unit: float) -> tuple[Mixture, ...]:
    means = np.maximum(first, TINY)
    deviations = np.sqrt(np.maximum(second - first**2, TINY**2))
    return tuple(
        Mixture(weights=weights, means=means[:, day], deviations=deviations[:, day], unit=unit)
        for day in range(first.shape[1])
    )

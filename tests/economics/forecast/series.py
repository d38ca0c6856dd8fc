"""Generated months of daily use, as the projection is measured on them: every kind and every law of noise is declared.

A day's use is ``level × weekday factor × trend``, made uneven by a law of noise whose standard deviation is a share of
the day's mean, between 5 and 50 %. Months have 28 to 31 days and begin on any weekday.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Draw = np.random.Generator

FIRST = date(2026, 11, 2)
"""A Monday."""
LEVELS = (100, 100_000)
"""Credits on an average day, drawn log-uniformly."""
NOISES = (0.05, 0.5)


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month of daily use, whole: the projection is shown its first days, and measured on the sum."""

    kind: str
    start: date
    uses: Numbers

    def past(self, day: int) -> dict[date, float]:
        """The days until ``day``, and what was used on each."""
        return {self.start + timedelta(days=at): float(use) for at, use in enumerate(self.uses[:day])}


def flat(draw: Draw, _days: int) -> Numbers:
    return np.ones(7)


def weekend_drop(draw: Draw, _days: int) -> Numbers:
    return np.array([1.0] * 5 + [draw.uniform(0.1, 0.6)] * 2) * draw.uniform(0.9, 1.1, 7)


def weekend_peak(draw: Draw, _days: int) -> Numbers:
    return np.array([1.0] * 5 + [draw.uniform(1.5, 3.0)] * 2) * draw.uniform(0.9, 1.1, 7)


def any_weekdays(draw: Draw, _days: int) -> Numbers:
    return draw.uniform(0.4, 1.6, 7)


def steady(draw: Draw, days: int) -> Numbers:
    return np.ones(days)


def up(draw: Draw, days: int) -> Numbers:
    return np.exp(draw.uniform(0.005, 0.02) * np.arange(days))


def down(draw: Draw, days: int) -> Numbers:
    return np.exp(-draw.uniform(0.005, 0.02) * np.arange(days))


def straight(draw: Draw, days: int) -> Numbers:
    """A line that ends 30 % below to 60 % above where it began."""
    return 1 + draw.uniform(-0.3, 0.6) * np.arange(days) / days


def step(draw: Draw, days: int) -> Numbers:
    """A new level, from some day of the first fortnight on."""
    return np.where(np.arange(days) < draw.integers(4, 15), 1.0, np.exp(draw.normal(0, 0.5)))


def new(draw: Draw, days: int) -> Numbers:
    """Nothing for some days, then a ramp of a week."""
    since = np.arange(days) - draw.integers(3, 9)
    return np.clip((since + 1) / 7, 0, 1)


def closed(draw: Draw, days: int) -> Numbers:
    """Nothing on weekends; whoever uses it gives it the month's first weekday."""
    return np.ones(days)


def lognormal(draw: Draw, means: Numbers, cv: float) -> Numbers:
    sigma = np.sqrt(np.log1p(cv**2))
    return means * draw.lognormal(-(sigma**2) / 2, sigma, means.shape)


def gamma(draw: Draw, means: Numbers, cv: float) -> Numbers:
    return means * draw.gamma(cv**-2, cv**2, means.shape)


def proportional(draw: Draw, means: Numbers, cv: float) -> Numbers:
    """Normal, in proportion to the day's mean, and never below zero."""
    return np.maximum(0, means * draw.normal(1, cv, means.shape))


def additive(draw: Draw, means: Numbers, cv: float) -> Numbers:
    """Normal, the same on small days and on large ones, and never below zero."""
    return np.maximum(0, means + means.mean() * draw.normal(0, cv, means.shape))


def persistent(draw: Draw, means: Numbers, cv: float) -> Numbers:
    """Log-normal, half of yesterday's deviation carried over."""
    shocks = draw.normal(0, np.sqrt(np.log1p(cv**2) * 0.75), means.shape)
    for at in range(1, len(shocks)):
        shocks[at] += 0.5 * shocks[at - 1]
    return means * np.exp(shocks)


def bursts(draw: Draw, means: Numbers, cv: float) -> Numbers:
    """Log-normal, and one day in twelve is two to six times as large."""
    burst = np.where(draw.random(means.shape) < 1 / 12, draw.uniform(2, 6, means.shape), 1)
    return lognormal(draw, means, cv) * burst


def intermittent(draw: Draw, means: Numbers, cv: float) -> Numbers:
    """Used on four days in ten."""
    return lognormal(draw, means, cv) * (draw.random(means.shape) < 0.4)


def calls(draw: Draw, means: Numbers, cv: float) -> Numbers:
    """Few dear calls: a Poisson number of them, a hundredth of the month's at a time."""
    price = means.mean() / 4
    return draw.poisson(means / price) * price


Weekdays = Callable[[Draw, int], Numbers]
Law = Callable[[Draw, Numbers, float], Numbers]

KINDS: dict[str, tuple[Weekdays, Weekdays, Law]] = {
    "flat": (flat, steady, lognormal),
    "weekend drop": (weekend_drop, steady, lognormal),
    "weekend peak": (weekend_peak, steady, gamma),
    "any weekdays": (any_weekdays, steady, proportional),
    "up": (weekend_drop, up, lognormal),
    "down": (weekend_drop, down, gamma),
    "straight line": (any_weekdays, straight, proportional),
    "additive noise": (weekend_drop, straight, additive),
    "persistent": (weekend_drop, steady, persistent),
    "a step": (weekend_drop, step, lognormal),
    "bursty": (weekend_drop, steady, bursts),
    "new customer": (weekend_drop, new, lognormal),
    "closed weekends": (weekend_drop, closed, lognormal),
    "intermittent": (flat, steady, intermittent),
    "few calls": (weekend_drop, steady, calls),
}
ORDINARY = ("flat", "weekend drop", "weekend peak", "any weekdays", "up", "down", "straight line", "additive noise")
"""Kinds that are nothing but weekday patterns, trend and noise."""


def month(kind: str, draw: Draw, *, cv: float | None = None) -> Month:
    """One month of a kind."""
    weekdays, trend, law = KINDS[kind]
    days, first = int(draw.integers(28, 32)), int(draw.integers(7))
    start = FIRST + timedelta(days=first)
    of_week = (first + np.arange(days)) % 7
    level = np.exp(draw.uniform(*np.log(LEVELS)))
    means = level * weekdays(draw, days)[of_week] * trend(draw, days)
    if trend is closed:
        means = np.where(of_week < 5, means, 0)
    noise = cv or float(draw.uniform(*NOISES))
    return Month(kind=kind, start=start, uses=np.round(law(draw, means, noise), 2))


def months(count: int, seed: int, kinds: tuple[str, ...] = ORDINARY, *, cv: float | None = None) -> Iterator[Month]:
    """So many months, the kinds in turn."""
    draw = np.random.default_rng(seed)
    for at in range(count):
        yield month(kinds[at % len(kinds)], draw, cv=cv)

"""How far projections and run rates are from what months came to, and how often the intervals hold it.

    python -m bench.forecast [--months 200] [--seeds 10]

On months of ``tests/economics/forecast/series.py``. Fails where, over all seeds, the projection errs more than the run
rate, or its 90 % intervals hold less than 85 or more than 95 % of the months of nothing but patterns, trend and noise.
"""

import argparse
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from meter.economics.forecast.consumption import use_of
from meter.economics.forecast.projection import project
from tests.economics.forecast.series import KINDS, Month, months

NOISES = (0.05, 0.1, 0.2, 0.3, 0.5)
DAYS = (3, 7, 14, 20, 25)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Shares of what months came to, as means; and how many intervals of 90 % were below, held, and above it."""

    projection: float
    rate: float
    covered: float
    over: float
    under: float
    width: float

    def __str__(self) -> str:
        shares = (self.projection, self.rate, self.covered, self.over, self.under, self.width)
        return " | ".join(f"{share:6.1%}" for share in shares)


def measure(sample: Iterable[Month], day: int = 20) -> Measured:
    """Project each month after ``day`` of its days; a month without use until then is left out."""
    rows = np.array([row(month, day) for month in sample if month.uses[:day].any()])
    truth, rate, low, middle, high = rows.T
    return Measured(
        projection=float((abs(middle - truth) / truth).mean()),
        rate=float((abs(rate - truth) / truth).mean()),
        covered=float(((low <= truth) & (truth <= high)).mean()),
        over=float((truth < low).mean()),
        under=float((truth > high).mean()),
        width=float(((high - low) / truth).mean()),
    )


def row(month: Month, day: int) -> tuple[float, ...]:
    consumed = {(when, ""): Fraction(use) for when, use in month.past(day).items()}
    end = month.start + timedelta(days=len(month.uses))
    found = project(use_of(consumed, start=month.start, end=end, elapsed=day))
    return float(month.uses.sum()), float(found.run_rate or 0), *(found.at_end(at) for at in (0.05, 0.5, 0.95))


def show(name: object, measured: Measured) -> None:
    print(f"| {name!s:<16} | {measured} |", flush=True)


def head(title: str) -> None:
    print(f"\n| {title:<16} |    err | run rate | held | truth below | above | width |\n|---|---|---|---|---|---|---|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    head("seed")
    for seed in range(options.seeds):
        show(seed, measure(months(options.months, seed)))
    whole = measure(one for seed in range(options.seeds) for one in months(options.months, seed))
    show("all seeds", whole)
    head("kind")
    for kind in KINDS:
        show(kind, measure(months(options.months, 1, (kind,))))
    head("noise")
    for noise in NOISES:
        show(f"{noise:.0%}", measure(months(options.months, 1, cv=noise)))
    head("days over")
    for day in DAYS:
        show(day, measure(months(options.months, 1), day))
    sys.exit(not (whole.projection < whole.rate and 0.85 <= whole.covered <= 0.95))


if __name__ == "__main__":
    main()

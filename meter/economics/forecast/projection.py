"""A period's use: what is known, what it comes to if every day is the average one, and what is likely.

``used``, ``limit`` and the run rate are exact; what comes of ``Ahead`` is an estimate, and a float.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from meter.economics.exact import EconomicsError
from meter.economics.forecast.consumption import NOTHING, Use
from meter.economics.forecast.days import Ahead, look_ahead
from meter.economics.forecast.runrate import runrate


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Where a period's use leads."""

    use: Use
    run_rate: Fraction | None
    """What it comes to if every day is the average one; None before the period's first moment is over."""
    ahead: Ahead | None
    """None where no day is ahead, or where nothing was ever used."""

    @property
    def known(self) -> bool:
        """Whether there is anything to say of the end: a day was used, or none is ahead."""
        return self.ahead is not None or not self.use.shares

    def at_end(self, chance: float) -> float:
        """The credits at the period's end that are not passed with a chance; an estimate."""
        return float(self.use.used) + (self.ahead.until[-1].quantile(chance) if self.ahead else 0.0)

    def on(self, day: date, chance: float) -> float:
        """The credits of a day ahead that are not passed with a chance; an estimate."""
        return self.ahead.days[(day - self.use.today).days].quantile(chance) if self.ahead else 0.0

    def chance_to_run_out(self) -> float | None:
        """The chance that the limit is reached before the period ends; None without a limit; an estimate."""
        if self.use.limit is None:
            return None
        return max(self._run_out_by(), default=0.0) if self.use.used < self.use.limit else 1.0

    def runs_out(self, chance: float) -> date | None:
        """The day by whose end the limit is reached with a chance; None where it is not, in this period."""
        if self.use.limit is not None and self.use.used >= self.use.limit:
            return _ran_out(self.use, self.use.limit)
        reached = (day for day, by in enumerate(self._run_out_by()) if by >= chance)
        found = next(reached, None)
        return None if found is None else self.use.today + timedelta(days=found)

    def _run_out_by(self) -> list[float]:
        """The chance by each day ahead."""
        if self.ahead is None or self.use.limit is None:
            return []
        left = float(self.use.limit - self.use.used)
        return [1 - until.below(left) for until in self.ahead.until]


def project(use: Use) -> Projection:
    """Project a period's use to its end.

    Raises:
        EconomicsError: a limit of nothing; or no day is over, and none before the period is known.
    """
    _refuse(use)
    known = [float(use.days.get(day, NOTHING)) for day in _days(use.since, use.today)]
    return Projection(
        use=use,
        run_rate=runrate(use.used, use.elapsed, use.length) if use.elapsed else None,
        ahead=look_ahead(known, use.shares, weekday=use.since.weekday()) if use.shares else None,
    )


def _refuse(use: Use) -> None:
    if use.limit is not None and use.limit <= 0:
        raise EconomicsError(f"Nothing is a share of a limit of {use.limit}; name a limit above 0, or none.")
    if not use.elapsed and use.since >= use.today:
        raise EconomicsError("Day 0 is over and nothing before it is known; wait for the first day to be over.")


def _ran_out(use: Use, limit: Fraction) -> date | None:
    """The day on which it was; None where the days do not tell."""
    total = NOTHING
    for day in _days(use.start, use.today):
        total += use.days.get(day, NOTHING)
        if total >= limit:
            return day
    return use.today if use.since <= use.start and use.today < use.end else None


def _days(start: date, end: date) -> list[date]:
    return [start + timedelta(days=at) for at in range((end - start).days)]

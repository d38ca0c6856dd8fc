"""When somebody is told of an account: pure rules over how it stands and what was told in its period before.

A notice has a name, and each name is told once a period: the ledger sees to that, however often a rule says it. Who
adds a rule gives its notices a name that says what was reached.
"""

from dataclasses import dataclass
from enum import StrEnum

from meter.credits import Credits
from meter.policy.top_up import TopUp
from meter.pricing.terms import Period

PERCENTS = (50, 80, 90, 100)
"""Of a level's limit: somebody is told at each."""
FORECAST_SECONDS_MIN = 3600
FORECAST_PERCENT_MIN = 5
"""So much of a period must be over before its use says where it leads."""

INCLUDED = "included"
"""The level of the credits that a period includes."""


class What(StrEnum):
    """What is told."""

    THRESHOLD = "threshold"
    """A level is used up to a threshold."""
    FORECAST = "forecast"
    """A level will be used up before the period ends, if use goes on as it did since the period began."""
    ZERO = "zero"
    """Nothing is left to spend."""
    TOP_UP = "top_up"
    """So little is left that the merchant is asked for a purchase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Something that fills up in a period: the credits that it includes, or a budget."""

    name: str
    """``included``, or ``budget:<what it is the budget of>``."""
    used: Credits
    limit: Credits
    key_hash: str = ""
    """Of the API key whose budget it is."""
    shown: str = ""
    """How it is called where it is told; its name where that is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An account at one moment of the ledger's clock."""

    account: str
    plan: str
    period: Period
    epoch: str
    """In which each name is told once: the period; where nothing resets, the time until credits are added."""
    active: bool
    granted: Credits
    """What could be spent in this period."""
    remaining: Credits
    reserved: Credits
    levels: tuple[Level, ...]
    now: int

    @property
    def runs(self) -> bool:
        """Whether the period is the one that runs: one that is over says nothing about the next."""
        return self.period.end is None or self.now < self.period.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that somebody is told once."""

    what: What
    name: str
    level: Level | None = None
    percent: int | None = None
    exhausted_at: int | None = None
    """The second at which a level will be used up."""


def notices(standing: Standing, told: frozenset[str] = frozenset()) -> tuple[Notice, ...]:
    """All that holds of an account and was not told of it in its period before."""
    if not standing.runs:
        return ()
    found = [notice for level in standing.levels for notice in _of_level(level, standing)]
    if _is_empty(standing):
        found.append(Notice(what=What.ZERO, name="zero"))
    return tuple(notice for notice in found if notice.name not in told)


def wants_top_up(standing: Standing, rule: TopUp) -> bool:
    """Whether so little is left that more is to be bought."""
    return standing.runs and standing.active and standing.remaining < rule.below


def _of_level(level: Level, standing: Standing) -> list[Notice]:
    found = [
        Notice(what=What.THRESHOLD, name=f"{level.name}:{percent}", level=level, percent=percent)
        for percent in PERCENTS
        if level.limit and level.used * 100 >= level.limit * percent
    ]
    end = _used_up_at(level, standing)
    if end is not None:
        found.append(Notice(what=What.FORECAST, name=f"{level.name}:forecast", level=level, exhausted_at=end))
    return found


def _used_up_at(level: Level, standing: Standing) -> int | None:
    """The second within the period at which a level is used up, if use goes on as it did; None where it is not."""
    period, now = standing.period, standing.now
    if period.end is None or not 0 < level.used < level.limit:
        return None
    elapsed, whole = now - period.start, period.end - period.start
    if elapsed < FORECAST_SECONDS_MIN or elapsed * 100 < whole * FORECAST_PERCENT_MIN:
        return None
    end = period.start + elapsed * level.limit // level.used
    return end if end < period.end else None


def _is_empty(standing: Standing) -> bool:
    """Whether all is spent; what a call has set aside may come back, and who never had anything has spent nothing."""
    return standing.granted > 0 and standing.remaining == standing.reserved == 0

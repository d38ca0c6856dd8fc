"""Adjustments: how a file writes them, and the values that they become."""

from collections.abc import Iterable, Iterator
from datetime import time
from enum import StrEnum
from fractions import Fraction
from math import prod
from typing import Self

from pydantic import Field, model_validator

from meter.credits import Credits, parse
from meter.policy.kinds import Capacity, Clock, Day, Multiplier, Name, Part, Span, Threshold, Tier, Url, Zone
from meter.policy.model import Adjustment, CommitmentAdjustment, LoadAdjustment, LoadSignal, TimeAdjustment
from meter.policy.moments import zone
from meter.policy.values import decimal, wrong

DWELL_SECONDS = 30
CAPACITY = 100


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class TimePart(Part):
    """A window of the day, [from, to); crosses midnight where to is not after from."""

    start: Clock | None = Field(default=None, alias="from")
    end: Clock | None = Field(default=None, alias="to")
    zone: Zone | None = Field(default=None, description="UTC by default.")
    weekdays: list[Weekday] | None = Field(default=None, description="Every day by default.")
    first: Day | None = Field(default=None, description="The first date of the window.")
    last: Day | None = Field(default=None, description="The last date of the window.")

    @model_validator(mode="before")
    @classmethod
    def _refuse_empty(cls, written: object) -> object:
        if isinstance(written, dict) and written.get("from") and written.get("from") == written.get("to"):
            raise wrong("this window is empty", "write a later to, or neither from nor to for the whole day.")
        return written

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.start is None) is not (self.end is None):
            raise wrong("this window has one end", "write from and to, or neither for the whole day.")
        if self.weekdays == [] or (self.first and self.last and self.last < self.first):
            raise wrong("this window is empty", "write a weekday, and a first date before the last.")
        return self


class LoadPart(Part):
    """On above one load, off below another."""

    above: Threshold
    until: Threshold | None = Field(default=None, description="Off below it; above by default.")
    dwell: Span | None = Field(default=None, description="How long it stays on, or off, at least; 30s by default.")
    signal: LoadSignal | None = Field(default=None, description="What the load is read from; inflight by default.")
    capacity: Capacity | None = Field(
        default=None, description="Calls in progress that are a load of 1; 100 by default."
    )
    url: Url | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.until is not None and self.until > self.above:
            problem = f"until {decimal(self.until)} is greater than above {decimal(self.above)}"
            raise wrong(problem, "write the load below which it ends, at most above.")
        if (self.url is None) is (self.signal is LoadSignal.URL):
            raise wrong("url and `signal: url` belong together", "write both, or neither.")
        if self.capacity is not None and self.signal not in {None, LoadSignal.INFLIGHT}:
            raise wrong("capacity belongs to `signal: inflight`", "leave it out, or choose that signal.")
        return self


class AdjustmentPart(Part):
    """A factor on the prices of this file: by time, by load or by commitment."""

    name: Name
    time: TimePart | None = None
    load: LoadPart | None = None
    commitment: dict[Tier, Multiplier] | None = Field(
        default=None,
        description="Factors by the account's monthly commitment; the highest tier that is reached counts.",
        examples=[{"100000": "0.8", "1000000": "0.6"}],
    )
    multiply: Multiplier | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(kind is not None for kind in (self.time, self.load, self.commitment)) != 1:
            raise wrong("this adjustment needs one reason", "write exactly one of time, load and commitment.")
        if self.multiply is None and self.commitment is None:
            raise wrong("this adjustment has no multiply", "write its factor, such as multiply: 0.7.")
        if self.multiply is not None and self.commitment is not None:
            raise wrong("this adjustment has a multiply beside its tiers", "leave it out: each tier is a factor.")
        tiers = self.tiers
        if self.commitment is not None and (not tiers or tiers != sorted(set(tiers))):
            raise wrong("the tiers of this commitment don't ascend", "write at least one, each above the one before.")
        return self

    @property
    def tiers(self) -> list[Credits]:
        """The thresholds of a commitment, in the order of the file."""
        return [parse(tier) for tier in self.commitment or {}]


_DAYS = list(Weekday)


def adjustments(parts: Iterable[AdjustmentPart]) -> tuple[Adjustment, ...]:
    """What changes the prices of a file's operations, in the order in which it is multiplied."""
    return tuple(_adjustment(part) for part in parts)


def lowest(adjustments: tuple[Adjustment, ...]) -> Fraction:
    """A discount that a call can certainly meet: the best of each kind, multiplied; 1 where there is none."""
    best: dict[type, Fraction] = {}
    for adjustment in adjustments:
        for factor in _factors(adjustment):
            best[type(adjustment)] = min(factor, best.get(type(adjustment), Fraction(1)))
    return prod(best.values(), start=Fraction(1))


def highest(adjustments: tuple[Adjustment, ...]) -> Fraction:
    """The most that all adjustments together can multiply by; at least 1."""
    return prod((max(Fraction(1), *_factors(adjustment)) for adjustment in adjustments), start=Fraction(1))


def _adjustment(part: AdjustmentPart) -> Adjustment:
    if part.commitment is not None:
        return CommitmentAdjustment(name=part.name, tiers=tuple(zip(part.tiers, part.commitment.values(), strict=True)))
    multiply = part.multiply or Fraction(1)
    if part.load is not None:
        return _load(part.name, multiply, part.load)
    return _time(part.name, multiply, part.time or TimePart())


def _time(name: str, multiply: Fraction, part: TimePart) -> TimeAdjustment:
    days = _DAYS if part.weekdays is None else part.weekdays
    return TimeAdjustment(
        name=name,
        multiply=multiply,
        start=part.start or time(),
        end=part.end or time(),
        zone=part.zone or zone("UTC"),
        weekdays=frozenset(_DAYS.index(day) for day in days),
        first=part.first,
        last=part.last,
    )


def _load(name: str, multiply: Fraction, part: LoadPart) -> LoadAdjustment:
    return LoadAdjustment(
        name=name,
        multiply=multiply,
        above=part.above,
        until=part.above if part.until is None else part.until,
        dwell_seconds=DWELL_SECONDS if part.dwell is None else part.dwell,
        signal=part.signal or LoadSignal.INFLIGHT,
        capacity=part.capacity or CAPACITY,
        url=part.url,
    )


def _factors(adjustment: Adjustment) -> Iterator[Fraction]:
    if isinstance(adjustment, CommitmentAdjustment):
        yield from (factor for _, factor in adjustment.tiers)
    else:
        yield adjustment.multiply

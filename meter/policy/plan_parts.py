"""How a policy file writes what a plan says of its periods, its trial, and what rolls over."""

import re
from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from meter.policy.kinds import Part, Positive, Share
from meter.policy.mistakes import instead, shown
from meter.policy.model import PeriodUnit
from meter.policy.plans import BurnBy, Duration, Rollover, Trial, Velocity, millionths
from meter.policy.values import multiplier, written_value, wrong

MONTHS_MAX = 120
DAYS_MAX = 3660
PERIODS_MAX = 12
CONCURRENT_MAX = 10_000
_NAMED = [unit for unit in PeriodUnit if unit is not PeriodUnit.CUSTOM]
_DURATION = re.compile(r"P(?=[0-9])(?:([0-9]{1,4})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,4})D)?", re.ASCII)
_PATTERN = re.compile(r"(?:[A-Za-z0-9._-]{1,64}|[A-Za-z0-9._-]{0,63}\*)", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)


def period(value: object) -> PeriodUnit | Duration:
    """A period by its name, or by its length."""
    written = written_value(value, "month")
    if written in _NAMED:
        return PeriodUnit(written)
    found = _DURATION.fullmatch(written)
    if not found:
        fix = instead(written, _NAMED)
        raise wrong(f"{shown(written)} is not a period", f"{fix} A length of its own is written as P10D or P1M.")
    years, months, weeks, days = (int(number or 0) for number in found.groups())
    length = Duration(months=12 * years + months, days=7 * weeks + days)
    if length == Duration() or length.months > MONTHS_MAX or length.days > DAYS_MAX:
        raise wrong(f"{shown(written)} is not a length from a day to ten years", "write one such as P10D or P1M.")
    return length


def pattern(value: object) -> str:
    """The operations that a plan allows: one by its name, or all that begin alike."""
    written = written_value(value, "image.*")
    if not _PATTERN.fullmatch(written):
        raise wrong(f"{shown(written)} names no operations", "write a name, or how names begin: image.*")
    return written


def burn_order(value: object) -> tuple[BurnBy, ...]:
    """All facts by which grants are burnt: those that are named, then the others in their own order."""
    written = [written_value(name, "expiry") for name in (value if isinstance(value, list) else [value])]
    for name in written:
        if name not in set(BurnBy):
            raise wrong(f"{shown(name)} is no fact by which grants are burnt", instead(name, list(BurnBy)))
        if written.count(name) > 1:
            raise wrong(f"{shown(name)} stands there more than once", "name each fact once.")
    return tuple(sorted(BurnBy, key=lambda one: written.index(one) if one in written else len(written)))


def discount(value: object) -> Fraction:
    """A factor that makes no price higher."""
    found = multiplier(value)
    if found > 1:
        raise wrong(f"{shown(str(value))} makes prices higher", "write a factor up to 1: 0.9 takes 10 % off.")
    return found


def _whole(most: int) -> PlainValidator:
    def check(value: object) -> int:
        written = written_value(value, "1")
        if not _WHOLE.fullmatch(written) or not 0 < int(written) <= most:
            raise wrong(f"{shown(written)} is not a number from 1 to {most}", f"write a whole number up to {most}.")
        return int(written)

    return PlainValidator(check)


def _whole_schema(description: str, example: int, most: int) -> WithJsonSchema:
    facts = {"type": "integer", "minimum": 1, "maximum": most}
    return WithJsonSchema({**facts, "description": description, "examples": [example]})


Period = Annotated[
    PeriodUnit | Duration,
    PlainValidator(period),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(_NAMED)},
                {"type": "string", "pattern": "^P([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?$"},
            ],
            "description": "day, week, month, year, none, or a length from the day of signing up on (ISO 8601).",
            "examples": ["month", "P10D"],
        }
    ),
]
OperationPattern = Annotated[
    str,
    PlainValidator(pattern),
    WithJsonSchema(
        {"type": "string", "description": "An operation, or how several begin.", "examples": ["image.*", "chat"]}
    ),
]
Discount = Annotated[
    Fraction,
    PlainValidator(discount),
    WithJsonSchema(
        {
            "type": ["number", "string"],
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "Prices are multiplied with it, after all adjustments: 0.9 takes 10 % off.",
            "examples": ["0.9"],
        }
    ),
]


BurnOrder = Annotated[
    tuple[BurnBy, ...],
    PlainValidator(burn_order),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"enum": list(BurnBy)},
            "uniqueItems": True,
            "minItems": 1,
            "description": "By which facts grants are burnt, before the others, which follow in the order given here.",
            "examples": [["expiry", "priority"]],
        }
    ),
]
Concurrent = Annotated[
    int, _whole(CONCURRENT_MAX), _whole_schema("Calls at once, each held for until it ends.", 10, CONCURRENT_MAX)
]


class TrialPart(Part):
    """Credits that an account gets when it is opened, once."""

    credits: Positive
    days: Annotated[int, _whole(DAYS_MAX), _whole_schema("How long they live.", 14, DAYS_MAX)]

    def compiled(self) -> Trial:
        """The value that the policy holds."""
        return Trial(credits=self.credits, days=self.days)


class VelocityPart(Part):
    """What an account may spend, and all for whom it pays; calls beyond are answered 429."""

    minute: Positive | None = Field(default=None, description="In a minute.")
    day: Positive | None = Field(default=None, description="In a day (UTC).")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.minute is None and self.day is None:
            raise wrong("velocity caps nothing", "write minute, day or both, or leave it out.")
        return self

    def compiled(self) -> Velocity:
        """The value that the policy holds."""
        return Velocity(minute=self.minute, day=self.day)


class RolloverPart(Part):
    """What becomes of included credits that are left when their period ends."""

    share: Share | None = Field(default=None, description="What of them lives on; full by default.")
    cap: Positive | None = Field(default=None, description="At most so much from one period.")
    periods: Annotated[int, _whole(PERIODS_MAX), _whole_schema("So many periods it lives.", 1, PERIODS_MAX)] | None = (
        Field(default=None, description="So many periods it lives; 1 by default.")
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.share is not None and (self.share * 1_000_000).denominator != 1:
            raise wrong("a share that rolls over has at most six decimals", "write one such as 0.5.")
        return self

    def compiled(self) -> Rollover:
        """The value that the policy holds."""
        share = Fraction(1) if self.share is None else self.share
        return Rollover(millionths=millionths(share), cap=self.cap, periods=self.periods or 1)

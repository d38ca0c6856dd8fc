"""The hysteresis of load adjustments: on above one load, off below another, neither before its dwell is over."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from meter.policy.model import Adjustment, LoadAdjustment
from meter.pricing.conditions import CALM, LoadReading

FRESH_SECONDS = 5
"""A published reading counts for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadState:
    """Whether one load adjustment is in force."""

    on: bool
    since: int
    """Unix second of the last change."""


OFF = LoadState(on=False, since=0)
"""How every load adjustment begins."""


def step(rule: LoadAdjustment, state: LoadState, sample: Fraction, now: int) -> LoadState:
    """The state after one more sample. A clock that was set back ends a dwell rather than freezing the state."""
    if 0 <= now - state.since < rule.dwell_seconds:
        return state
    on = sample >= rule.until if state.on else sample > rule.above
    return state if on == state.on else LoadState(on=on, since=now)


def reading(published: LoadReading, *, at: int, now: int) -> LoadReading:
    """What a reading published at the Unix second ``at`` means ``now``: itself while it is fresh, else calm."""
    return published if abs(now - at) <= FRESH_SECONDS else CALM


def fixed(adjustments: Iterable[Adjustment], sample: Fraction) -> LoadReading:
    """The reading of a drill: every load adjustment that a steady load of ``sample`` switches on."""
    rules = (rule for rule in adjustments if isinstance(rule, LoadAdjustment))
    return LoadReading(on=frozenset(rule.name for rule in rules if sample > rule.above), sample=sample, drill=True)

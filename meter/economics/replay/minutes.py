"""What of a policy depends on the minute: minutes that are alike in it are priced once.

Two minutes are alike where the same time windows are open, the same version of the prices is in force, the same pins
are over, and as many months have begun since each moment from which a cap rises.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from meter.economics.replay.rule import MINUTE_SECONDS
from meter.policy.model import Policy, TimeAdjustment
from meter.pricing.calendar import months_begun, within
from meter.pricing.terms import Terms

Likeness = tuple[object, ...]


def likeness(policy: Policy, terms: Iterable[Terms]) -> Callable[[int], Likeness]:
    """Tell of a minute, in minutes since 1970, what prices depend on."""
    windows = tuple(_windows(policy))
    turns = tuple(sorted(_turns(policy, terms)))

    def of(minute: int) -> Likeness:
        moment = datetime.fromtimestamp(minute * MINUTE_SECONDS, UTC)
        begun = tuple([-1 if moment < turn else months_begun(turn, moment) for turn in turns])
        return (*[within(window, moment) for window in windows], *begun)

    return of


def _windows(policy: Policy) -> Iterator[TimeAdjustment]:
    """Every window once, whichever operations it holds for, and whatever it multiplies by."""
    seen = set()
    for operation in policy.operations.values():
        for adjustment in operation.adjustments:
            if isinstance(adjustment, TimeAdjustment):
                hours = adjustment.start, adjustment.end, adjustment.zone.key
                key = *hours, adjustment.weekdays, adjustment.first, adjustment.last
                if key not in seen:
                    seen.add(key)
                    yield adjustment


def _turns(policy: Policy, terms: Iterable[Terms]) -> set[datetime]:
    """The moments at which a version comes into force, or a pin is over."""
    versions = (version for operation in policy.operations.values() for version in operation.versions)
    turns = {version.effective_at for version in versions if version.effective_at is not None}
    return turns | {one.pin.until for one in terms if one.pin is not None}

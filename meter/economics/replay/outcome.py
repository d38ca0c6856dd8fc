"""What a replay comes to: exact sums by account, operation and period, and when an account was at zero."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from meter.credits import Credits

Done = Callable[[int], None]
"""Is told how many calls are done."""


def unwatched(done: int) -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What some calls cost together, in micro-credits: no amount, since many of them may pass the limit of one."""

    calls: int = 0
    micro: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One account in one of its periods."""

    account: str
    plan: str
    """Of its last call in it."""
    start: int
    end: int | None
    """None where nothing resets."""
    included: Credits
    """By the terms of its last call in it."""
    micro: int
    """What its calls cost."""
    zero_at: int | None
    """The second of the call with which it had spent what is included, or more; None where it never had, or nothing is
    included."""

    @property
    def beyond(self) -> int:
        """What it spent beyond what is included, in micro-credits."""
        return max(0, self.micro - self.included)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Traffic, priced in one way."""

    operations: Mapping[str, Sum]
    accounts: Mapping[str, Sum]
    spells: Mapping[tuple[str, int], Spell]
    """By account and start of the period."""
    prices: frozenset[int]
    """The distinct prices, in micro-credits, of calls that paid one, in full, and no more for what they used."""

    @property
    def whole(self) -> Sum:
        """All calls together."""
        sums = self.operations.values()
        return Sum(calls=sum(one.calls for one in sums), micro=sum(one.micro for one in sums))

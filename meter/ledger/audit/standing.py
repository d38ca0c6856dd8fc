"""Where an account stands, as its entries add up.

These are structs since each entry makes one anew, and their copies are ten times cheaper than those of dataclasses.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from meter.ledger.audit.entry import Parts


class Since(StrEnum):
    """From where on an account's entries were read without a gap."""

    NOWHERE = "nowhere"
    """Earlier ones were not read, and no checkpoint makes up for them yet."""
    GAP = "gap"
    """One is missing in between, which was told, and no checkpoint makes up for it yet."""
    CHECKPOINT = "checkpoint"
    BEGINNING = "beginning"


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """An account's cumulative counters, in micro-credits, by the names that they have in the store."""

    granted: int = 0
    spent: int = 0
    """In earlier periods."""
    expired: int = 0
    revoked: int = 0
    held: int = 0
    held_overage: int = 0
    holding: int = 0
    """Open holds of calls; a lease is the hold of no call."""
    period_granted: int = 0
    overage: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An account after its last entry."""

    account: str
    since: Since
    first: str
    """The stream id of its first entry that was read..."""
    last: str
    """...and of its last."""
    after: int = 0
    """What its last entry says that its grants hold."""
    lots: Mapping[str, int] = msgspec.field(default_factory=dict)
    counters: Counters = Counters()
    used: Mapping[str, int] = msgspec.field(default_factory=dict)
    """In the period that runs, by operation; what a checkpoint says of it has no name."""
    start: int = 0
    """Of the period that runs."""
    vague: bool = False
    """Something came back of a charge that was not read: of this period or of an earlier one, nobody knows."""
    revision: int = 0
    status: str = ""
    terms: str | None = None
    """None until they are read."""
    overage_limit: int | None = None
    """As the terms say."""
    expiries: Mapping[str, int] = msgspec.field(default_factory=dict)
    """When each grant ends whose entry was read; 0 for never."""
    revoked_grants: frozenset[str] = frozenset()

    @property
    def known(self) -> bool:
        """Whether its entries say all that it has."""
        return self.since in (Since.CHECKPOINT, Since.BEGINNING)

    @property
    def whole(self) -> bool:
        """Whether all its entries were read, so that what they don't say never happened."""
        return self.since is Since.BEGINNING

    @property
    def consumed(self) -> int:
        """What was used in all its periods."""
        return self.counters.spent + sum(self.used.values())


def moved(
    standing: Standing, *, out: Parts = (), into: Parts = (), used: tuple[str, int] | None = None, **counters: int
) -> Standing:
    """Move credits out of grants and into grants, count them as used, and add to counters by their names."""
    lots, use, before = standing.lots, standing.used, standing.counters
    if out or into:
        lots = _poured(lots, out, into)
    if used is not None:
        operation, amount = used
        use = {**use, operation: use.get(operation, 0) + amount}
    added = {name: getattr(before, name) + amount for name, amount in counters.items() if amount}
    return replace(standing, lots=lots, used=use, counters=replace(before, **added) if added else before)


def _poured(lots: Mapping[str, int], out: Parts, into: Parts) -> dict[str, int]:
    poured = dict(lots)
    for grant, amount in out:
        poured[grant] = poured.get(grant, 0) - amount
    for grant, amount in into:
        poured[grant] = poured.get(grant, 0) + amount
    return {grant: amount for grant, amount in poured.items() if amount}

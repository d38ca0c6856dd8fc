"""Explained: an entry holds all that pricing it again needs, and pricing it again gives the same price."""

import json
from dataclasses import dataclass
from functools import lru_cache

from meter.credits import Credits
from meter.ledger.audit.entry import Entry, Kind, Line
from meter.ledger.audit.finding import Finding, Invariant, of_entry, shown
from meter.pricing.record import re_rate

PRICED = (Kind.CHARGE, Kind.OBSERVED, Kind.HOLD, Kind.SETTLE, Kind.LATE, Kind.POST)
"""The kinds of entries that say how their price came about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReRated:
    """An entry, priced again."""

    charged: int
    """What it charges, or asked for where the account had less; of a hold, at most the price."""
    recorded: int
    """The price that its record names."""
    again: int
    """The price that the numbers of its record come to."""
    at_most: bool
    """Whether the price is a ceiling: what is held grows up to it."""

    @property
    def equal(self) -> bool:
        """Whether all three are one."""
        fits = self.charged <= self.again if self.at_most else self.charged == self.again
        return fits and self.recorded == self.again


def re_rated(entry: Entry) -> ReRated | None:
    """Price an entry again from what it recorded; None where it recorded no price.

    Raises:
        ValueError: its record can't be priced.
    """
    if entry.kind not in PRICED or not bytes(entry.quote):
        return None
    recorded, again = _rated(bytes(entry.quote).decode())
    charged = entry.amount if entry.asked is None else entry.asked
    return ReRated(charged=charged, recorded=recorded, again=again, at_most=entry.kind is Kind.HOLD)


def unexplained(line: Line) -> tuple[Finding, ...]:
    """What an entry's record does not explain."""
    entry = line.entry
    if entry.kind not in PRICED:
        return ()
    try:
        rated = re_rated(entry)
    except ValueError as error:
        return (_finding(line, f"has a record that can't be priced ({error})"),)
    if rated is None:
        return (_finding(line, "has no record of its price"),)
    if rated.equal:
        return ()
    charges = f"charges {shown(rated.charged)} and records a price of {shown(rated.recorded)}"
    return (_finding(line, f"{charges}; priced again, it is {shown(rated.again)}", rated),)


@lru_cache(maxsize=4096)
def _rated(record: str) -> tuple[Credits, Credits]:
    """The price that a record names, and the one that it comes to."""
    try:
        return Credits(int(json.loads(record)["credits"])), re_rate(record)
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _finding(line: Line, what: str, rated: ReRated | None = None) -> Finding:
    return of_entry(
        Invariant.EXPLAINED,
        line,
        f"{what}.",
        f"Look at it: meter re-rate {line.id} --account {line.entry.account}",
        expected=rated.again if rated else None,
        found=rated.charged if rated else None,
    )

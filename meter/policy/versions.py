"""Versions of prices: what each operation costs from a moment on, and who goes on paying by which one.

Values only; ``price_parts`` says how they are written, ``versioning`` how they are checked.
"""

from dataclasses import dataclass
from datetime import datetime

from meter.policy.model import Price

ORIGINAL = "original"
"""The version that an operation's own ``credits`` are, where the files give it no other name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceVersion:
    """One operation's price in one version, said or taken over from the version before."""

    name: str
    effective_at: datetime | None
    """A whole minute in UTC; None has always been in force."""
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """An account that goes on paying by a version of the prices, whatever is in force."""

    version: str
    until: datetime
    """A whole minute in UTC: the first at which it is over."""

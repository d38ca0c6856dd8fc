"""The three figures that every metered answer carries."""

from dataclasses import dataclass

from meter.credits import Credits
from meter.pricing.coming_prices import ComingPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one call cost and what its account has now."""

    consumed: Credits
    remaining: Credits
    """What this operation could still draw."""
    granted: Credits
    """What could be spent in this period."""
    reset_at: int | None
    """Unix second at which the period ends; None where nothing resets."""
    now: int
    """The ledger's Unix second."""
    reserved: Credits | None = None
    """What is set aside for a call whose price is not known yet; told in place of ``consumed``."""
    coming: ComingPrice | None = None
    """The next price of such a call, where its caller asked for it and one is known."""

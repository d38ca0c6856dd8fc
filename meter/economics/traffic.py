"""One call as the economics see it: what was called, by whom, when, under which conditions, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from meter.credits import ZERO, Credits
from meter.pricing.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that was made and has ended."""

    at: int
    """Unix second; its minute is the one that decided the price."""
    account: str
    """Who paid, or would have."""
    operation: str
    credits: Credits
    """What it cost in the end: after its settling and all that was given back."""
    plan: str | None = None
    commitment: Credits = ZERO
    load: frozenset[str] = frozenset()
    """The names of the load adjustments that were in force."""
    usage: Mapping[str, Fraction] = field(default_factory=dict)
    """Units by the name of the meter that the price depends on."""
    charged: Fraction = Fraction(1)
    """The share of its price that its end paid: 0 of a call that failed and was given back."""
    lots: tuple[tuple[str, Credits], ...] = ()
    """The grants that paid, with what each paid."""
    overage: Credits = ZERO
    """What of it was drawn beyond the grants."""
    cost: Fraction | None = None
    """Money that serving it cost; None where it was not measured."""
    terms: Terms | None = None
    """Its account's terms at the time, as the ledger has them; None where only the plan's name is known."""

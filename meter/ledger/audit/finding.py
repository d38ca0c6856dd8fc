"""What an audit says of what does not hold: whose, where, both numbers, and what to do."""

from dataclasses import dataclass
from enum import StrEnum

from meter.credits import Credits, text
from meter.ledger.audit.entry import Line


class Invariant(StrEnum):
    """What must hold, by the numbers of the design."""

    CONSERVATION = "I1"
    NO_OVERDRAFT = "I2"
    AT_MOST_ONCE = "I3"
    CLOSED_ONCE = "I4"
    ONE_ENTRY = "I5"
    BACK_HOME = "I6"
    EXPLAINED = "I7"


MEANINGS = {
    Invariant.CONSERVATION: "granted = spendable + held + spent + expired + revoked",
    Invariant.NO_OVERDRAFT: "nobody spends what is not there, but for a plan's overage",
    Invariant.AT_MOST_ONCE: "an operation changes the books once",
    Invariant.CLOSED_ONCE: "a hold is closed once, and in time",
    Invariant.ONE_ENTRY: "a balance is the fold of its entries: one change, one entry",
    Invariant.BACK_HOME: "what comes back returns to the grants that it left",
    Invariant.EXPLAINED: "pricing an entry again gives the same price",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not hold."""

    invariant: Invariant
    account: str
    entry: str | None = None
    """The stream id of the entry that shows it; None where the account itself does."""
    says: str
    """One sentence, with both numbers where there are two."""
    fix: str
    """One sentence: what to do."""
    expected: int | None = None
    """Micro-credits, as they should be."""
    found: int | None = None
    """Micro-credits, as they are."""


def of_entry(
    invariant: Invariant, line: Line, what: str, fix: str, *, expected: int | None = None, found: int | None = None
) -> Finding:
    """Say what is wrong with an entry."""
    return Finding(
        invariant=invariant,
        account=line.entry.account,
        entry=line.id,
        says=f"Entry {line.id} (`{line.entry.kind}`) {what}",
        fix=fix,
        expected=expected,
        found=found,
    )


def shown(micro: int) -> str:
    """Write micro-credits for people as credits, those that nobody can have too."""
    sign = "-" if micro < 0 else ""
    return f"{sign}{text(Credits(abs(micro)))}"

"""What an audit has to say."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from meter.ledger.audit.finding import Finding, Invariant


@dataclass(slots=True, kw_only=True)
class Report:
    """What was looked at, and what does not hold."""

    accounts: int = 0
    entries: int = 0
    operations: int = 0
    holds: int = 0
    """That are open."""
    from_checkpoint: int = 0
    """Accounts whose entries were read from a checkpoint on, and not from their beginning."""
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Add what was looked at elsewhere."""
        self.accounts += other.accounts
        self.entries += other.entries
        self.operations += other.operations
        self.holds += other.holds
        self.from_checkpoint += other.from_checkpoint
        self.findings += other.findings

    def of(self, invariant: Invariant) -> Sequence[Finding]:
        """What was found of one invariant."""
        return [finding for finding in self.findings if finding.invariant is invariant]

"""A call that wants to be charged, and why it may not be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from meter.credits import Credits
from meter.ledger.promise import Capped, Refused, Short
from meter.policy.model import Operation
from meter.policy.plans import allows
from meter.pricing.quote import Conditions, LoadReading
from meter.pricing.terms import Terms, conditions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A call that wants to be charged."""

    operation: Operation
    usage: Mapping[str, Fraction | None]
    moment: datetime
    load: LoadReading
    drill: bool = False
    at_most: Credits | None = None
    """What the caller is willing to pay."""
    long: bool = False
    """The call may outlive what the books remember of an operation, so its credits are set aside until it ends."""
    op: str | None = None
    """The operation id, where the call has one already."""
    preview: bool = False
    """Whether the caller asked for the next price of such a call."""

    def conditions(self, terms: Terms) -> Conditions:
        """What pricing looks at, for an account on these terms."""
        return conditions_of(terms, moment=self.moment, load=self.load, drill=self.drill)

    def allowed(self, terms: Terms) -> bool:
        """Whether an account on these terms may make the call; what is only observed, it may."""
        return self.operation.observe or allows(terms.operations, self.operation.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dear:
    """The call costs more than its caller is willing to pay; nothing was taken."""

    price: Credits
    at_most: Credits


@dataclass(frozen=True, slots=True, kw_only=True)
class NotInPlan:
    """The account's plan has not got the operation; nothing was taken."""

    operation: str
    plan: str


Verdict = Short | Capped | Dear | NotInPlan | Refused
"""Why a call is not charged; nothing was taken."""

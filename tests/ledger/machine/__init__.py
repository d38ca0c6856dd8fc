"""The scripts and the model, given the same steps: every word, balance, lot and entry must be the same."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from meter.credits import Credits
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms
from tests.ledger.machine.accounts import AccountSteps, terms
from tests.ledger.machine.charges import ChargeSteps
from tests.ledger.machine.holds import HoldSteps
from tests.ledger.machine.invariants import Invariants
from tests.ledger.machine.leases import LeaseSteps
from tests.ledger.machine.steps import MEMBER, MEMBERS, store_client

__all__ = ["HoldMachine", "LeaseMachine", "LedgerMachine", "store_client"]


class LedgerMachine(AccountSteps, ChargeSteps, LeaseSteps, Invariants):
    """All that a ledger is asked for."""


class HoldMachine(HoldSteps, Invariants):
    """Calls that are held for, one after another and beside each other, and little else."""

    @initialize(terms=terms, more=st.booleans())
    def somebody_is_there(self, terms: Terms, more: bool) -> None:
        self.begin_account("acme", terms)
        self.begin_account(MEMBER, MEMBERS)
        if more:
            self.begin_account("acme/team", terms)


class LeaseMachine(LeaseSteps, Invariants):
    """Leases, one after another and beside holds, and little else."""

    @initialize(more=st.booleans())
    def somebody_is_there(self, more: bool) -> None:
        terms = Terms(plan="pro", included=Credits(1000), period=PeriodUnit.MONTH)
        self.begin_account("acme", terms)
        if more:
            self.begin_account("acme/team", terms)

"""The scripts and the model, given the same steps: every word, balance, lot and entry must be the same."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from meter.pricing.terms import Terms
from tests.ledger.machine.accounts import AccountSteps, terms
from tests.ledger.machine.charges import ChargeSteps
from tests.ledger.machine.holds import HoldSteps
from tests.ledger.machine.invariants import Invariants
from tests.ledger.machine.steps import store_client

__all__ = ["HoldMachine", "LedgerMachine", "store_client"]


class LedgerMachine(AccountSteps, ChargeSteps, HoldSteps, Invariants):
    """All that a ledger is asked for."""


class HoldMachine(HoldSteps, Invariants):
    """Calls that are held for, one after another and beside each other, and little else."""

    @initialize(terms=terms, more=st.booleans())
    def somebody_is_there(self, terms: Terms, more: bool) -> None:
        self.begin_account("acme", terms)
        if more:
            self.begin_account("acme/team", terms)

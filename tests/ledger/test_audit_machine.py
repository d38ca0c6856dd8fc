"""The audit of whatever the machine does to the books finds nothing: no rule of it is stricter than the scripts."""

from collections.abc import Callable

import pytest
import redis
from hypothesis.stateful import RuleBasedStateMachine

from meter.ledger.audit.finding import Finding, Invariant
from meter.ledger.audit.reading import NoFiles
from meter.ledger.audit.run import audit
from meter.ledger.sweeping import sweep
from tests.conftest import Server
from tests.ledger.machine import HoldMachine, LeaseMachine, LedgerMachine
from tests.ledger.test_machine import drive


class Audited(RuleBasedStateMachine):
    """A machine whose books are audited when it is done; the prices that it asks have no record."""

    ledger: object

    def teardown(self) -> None:
        try:
            found = self.wait(self.found())
        finally:
            super().teardown()

        assert found == []

    async def found(self) -> list[Finding]:
        await sweep(self.ledger)
        report = await audit(self.ledger, NoFiles())
        return [finding for finding in report.findings if finding.invariant is not Invariant.EXPLAINED]


class AuditedLedger(Audited, LedgerMachine):
    """All that a ledger is asked for."""


class AuditedHolds(Audited, HoldMachine):
    """Calls that are held for."""


class AuditedLeases(Audited, LeaseMachine):
    """Credits that were set aside for an outage."""


@pytest.mark.parametrize("machine", [AuditedLedger, AuditedHolds, AuditedLeases])
def test_what_the_scripts_do_is_found_right(
    store_server: Server, machine: Callable[[str], RuleBasedStateMachine]
) -> None:
    def make() -> RuleBasedStateMachine:
        with redis.Redis.from_url(store_server.url) as client:
            client.flushall()
        return machine(store_server.url)

    drive(make, examples=15, steps=50)

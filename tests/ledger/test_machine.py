"""The machine, on a real server, on a real cluster and on fakeredis."""

import os
from collections.abc import Callable

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from meter.ledger.memory import forget
from tests.cluster import Cluster
from tests.conftest import Server
from tests.ledger.machine import HoldMachine, LeaseMachine, LedgerMachine


def drive(make: Callable[[], RuleBasedStateMachine], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        make,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            derandomize="CI" in os.environ,  # what is found must be found again; elsewhere the search goes on
        ),
    )


@pytest.mark.parametrize(
    ("machine", "examples"),
    [
        pytest.param(LedgerMachine, 25, id="everything"),
        pytest.param(HoldMachine, 20, id="holds above all"),
        pytest.param(LeaseMachine, 20, id="leases above all"),
    ],
)
def test_the_scripts_keep_the_books_as_the_model_does(
    store_server: Server, machine: Callable[[str], RuleBasedStateMachine], examples: int
) -> None:
    def make() -> RuleBasedStateMachine:
        with redis.Redis.from_url(store_server.url) as client:
            client.flushall()
        return machine(store_server.url)

    drive(make, examples=examples, steps=50)


@pytest.mark.parametrize("machine", [LedgerMachine, HoldMachine, LeaseMachine])
def test_a_cluster_keeps_the_books_as_the_model_does(
    cluster_server: Cluster, machine: Callable[[str], RuleBasedStateMachine]
) -> None:
    def make() -> RuleBasedStateMachine:
        cluster_server.empty()
        return machine(cluster_server.url)

    drive(make, examples=5, steps=50)


@pytest.mark.parametrize("machine", [LedgerMachine, HoldMachine, LeaseMachine])
def test_fakeredis_keeps_the_books_as_the_model_does(machine: Callable[[str], RuleBasedStateMachine]) -> None:
    def make() -> RuleBasedStateMachine:
        url = "memory://machine"
        forget(url)
        return machine(url)

    drive(make, examples=4, steps=20)

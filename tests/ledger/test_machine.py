"""The machine, on a real server and on fakeredis."""

from collections.abc import Callable

import redis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from meter.ledger.memory import forget
from tests.conftest import Server
from tests.ledger.machine import LedgerMachine


def drive(make: Callable[[], LedgerMachine], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        make,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_the_scripts_keep_the_books_as_the_model_does(store_server: Server) -> None:
    def make() -> LedgerMachine:
        with redis.Redis.from_url(store_server.url) as client:
            client.flushall()
        return LedgerMachine(store_server.url)

    drive(make, examples=50, steps=50)


def test_fakeredis_keeps_the_books_as_the_model_does() -> None:
    def make() -> LedgerMachine:
        url = "memory://machine"
        forget(url)
        return LedgerMachine(url)

    drive(make, examples=4, steps=20)

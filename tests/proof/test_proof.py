"""A short proof, every fault in it, and a look whether it would see what is wrong."""

import time
from pathlib import Path

import pytest
import redis

from tests.end_to_end.house import until
from tests.proof.fate import FatedStore
from tests.proof.run import Fault, proof

OPERATIONS = 6_000


def test_the_books_are_right_whatever_befalls_them(tmp_path: Path) -> None:
    with proof(tmp_path, seed=11, operations=OPERATIONS, processes=2, clients=16) as run:
        run.run(OPERATIONS, kills=len(Fault) + 2)
        found = run.faults()

    assert found == []
    assert set(run.happened) == set(Fault)
    assert run.done >= OPERATIONS


def test_a_store_that_syncs_now_and_then_is_seen_to_lose_what_it_acknowledged(tmp_path: Path) -> None:
    with proof(tmp_path, seed=11, operations=3_000, processes=2, clients=16, kinds=[Fault.POWER], sync="no") as run:
        run.run(3_000, kills=3)
        found = run.faults()

    assert any("was acknowledged" in fault for fault in found)


def test_a_clock_that_jumps_is_the_stores_alone(tmp_path: Path) -> None:
    with FatedStore(folder=tmp_path) as store, store.client() as client:
        before = client.time()[0]
        store.jump(2000)
        until(lambda: client.time()[0] - before >= 2000, "the clock has jumped")

    assert time.time() - before < 2000


def test_a_full_disk_ends_the_store_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    with FatedStore(folder=tmp_path) as store, store.client() as client:
        client.set("kept", "yes")
        store.write_page(full=True)
        with pytest.raises(redis.exceptions.ConnectionError):
            client.set("lost", "yes")
        store.fill_disk()
        store.start()

        assert (client.get("kept"), client.get("lost")) == (b"yes", None)

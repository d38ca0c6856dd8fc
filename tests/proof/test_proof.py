"""A short proof, every fault in it, and a look whether it would see what is wrong."""

from pathlib import Path

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

"""A store never fills: old entries move to files, and files and streams together are the books."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meter.archive.files import parts, position, read
from meter.archive.sums import sums
from meter.credits import MICRO
from tests.end_to_end import books
from tests.end_to_end.house import ROOT, House, Store, calls, until, upstream

CALLS = 400
PATH = "/v1/images"
KEEP_BYTES = 64 << 10
FILL_SECONDS_MAX = 60


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An installation that may keep very little of its ledger in the store, after hundreds of calls."""
    folder = tmp_path_factory.mktemp("full")
    with Store(folder=folder) as store, upstream(folder) as api:
        house = House(folder=folder, redis_url=store.url, environment={"METER_LEDGER_KEEP_BYTES": str(KEEP_BYTES)})
        key = house.customer("acme", "pro")
        with house.gateway(api, "--workers", "2") as gateway:
            asyncio.run(calls(gateway.port, PATH, key, CALLS, at_once=16))
            until(lambda: _held_bytes(store) < KEEP_BYTES, "the ledger is small again")
        yield house


def _held_bytes(store: Store) -> int:
    with store.client() as client:
        return sum(client.memory_usage(key) or 0 for key in client.scan_iter("*:ledger"))


def test_the_gateway_moves_entries_to_files_by_itself(house: House) -> None:
    assert len(parts(house.folder / "archive")) > 0


def test_the_files_and_the_streams_together_are_the_balance(house: House) -> None:
    exported = list(read(house.folder / "archive"))
    last = {entry.shard: position(entry.id) for entry in exported}
    rest = [entry for entry in books.entries(Store(folder=house.folder)) if position(entry.id) > last[entry.shard]]
    fold, said = sums([*exported, *rest])["acme"], house.balance("acme")

    assert (fold.gap, fold.opening, fold.balance) == (None, 0, said["remaining"] * MICRO)
    assert said["consumed"] == CALLS


def test_ten_thousand_charges_stay_below_two_mebibytes(tmp_path: Path) -> None:
    options = ["--charges", "10000", "--keep", str(2 << 20), "--accounts", "8", "--rate", "1000", "--json"]
    done = subprocess.run(
        [sys.executable, "bench/fill.py", *options],
        cwd=ROOT,
        capture_output=True,
        timeout=FILL_SECONDS_MAX,
        check=False,
    )
    said = json.loads(done.stdout)

    assert (said["charges"], said["wrong"], said["failed_workers"]) == (10_000, [], 0)
    assert said["stream_bytes_max"] < said["keep_bytes"]
    assert done.returncode == 0

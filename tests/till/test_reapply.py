"""What a store has lost that came back older is found on this machine, and charged again once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from meter.archive.files import Archive
from meter.ledger import names
from meter.ledger.export import export
from meter.ledger.leasing import LEASE_SECONDS
from meter.ledger.reserve.reapply import Kept, State, found, keep, reapply
from meter.ledger.store_watch import Loss, StoreWatch
from meter.policy.ends import End
from tests.end_to_end.house import Store
from tests.pricing.make import operation
from tests.till.outages import Worker, allowance, closing, entries, figures, served, worker


class Restorable(Store):
    """A store that can be set back."""

    __slots__ = ("backup",)

    def keep(self, backup: Path) -> None:
        """Make a backup; the store is away while that is done."""
        self.backup = backup
        self.kill()
        shutil.copytree(self.folder, backup, ignore=shutil.ignore_patterns("s"))
        self.start()

    def restore(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)
        shutil.copytree(self.backup, self.folder)
        self.start()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Restorable]:
    (tmp_path / "store").mkdir()
    with Restorable(folder=tmp_path / "store") as store:
        yield store


def states(kept: list[Kept]) -> list[State]:
    return [call.state for call in kept]


async def looked(here: Worker, folder: Path) -> list[Kept]:
    return await found(here.ledger, folder / "reserve", folder / "archive")


async def applied(here: Worker, folder: Path) -> list[int | None]:
    lost = [call for call in await looked(here, folder) if call.state is State.LOST]
    return [await reapply(here.ledger, call) for call in lost]


async def test_charges_that_a_worker_found_missing_are_made_again_once(store: Restorable, tmp_path: Path) -> None:
    async def kept(loss: Loss) -> None:
        keep(tmp_path / "reserve", loss.charges)

    async with worker(store, tmp_path) as here, closing(here):
        watch = StoreWatch(here.ledger, on_loss=kept)
        await here.call(operation("chat", "10"))
        store.keep(tmp_path / "backup")
        await here.ledger_back()
        await here.calls(operation("chat", "10"), 3)
        await here.call(operation("chat", "10"), end=End.SERVER_ERROR)
        store.restore()
        await here.ledger_back()
        await watch.look()

        assert await figures(here.ledger) == (10, 0, 1000)
        assert states(await looked(here, tmp_path)) == [State.LOST] * 3
        assert await applied(here, tmp_path) == [10_000_000] * 3
        assert await figures(here.ledger) == (40, 0, 970)
        assert states(await looked(here, tmp_path)) == [State.BOOKED] * 3
        assert len(await entries(here.ledger, "late")) == 3


async def outage(here: Worker, *, of: object, count: int = 2) -> None:
    """Let the store be away while calls are served, and be back."""
    here.store.kill()
    assert len(await here.calls(of, count)) == count  # type: ignore[arg-type]
    here.store.start()
    for _ in range(2):
        await here.turned()


@pytest.mark.parametrize("of", [allowance(), served()], ids=["allowance", "serve"])
async def test_calls_of_an_outage_whose_postings_were_lost_are_charged_again(
    store: Restorable, tmp_path: Path, of: object
) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.call(of)  # type: ignore[arg-type]
        store.keep(tmp_path / "backup")
        await here.turned()
        await outage(here, of=of)
        assert states(await looked(here, tmp_path)) == [State.BOOKED] * 2
        store.restore()
        await here.ledger_back()

        assert states(await looked(here, tmp_path)) == [State.LOST] * 2
        assert await applied(here, tmp_path) == [10_000_000] * 2
        assert await figures(here.ledger) == (30, 0, 980)
        assert await applied(here, tmp_path) == []


async def test_what_was_lost_is_posted_to_its_lease_where_that_is_open_again(store: Restorable, tmp_path: Path) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        store.keep(tmp_path / "backup")
        await outage(here, of=allowance())
        store.restore()
        await here.ledger_back()

        assert await applied(here, tmp_path) == [10_000_000] * 2
        assert await figures(here.ledger) == (30, 30, 950)
        assert [one["seq"] for one in await entries(here.ledger, "post")] == [1, 2]


async def test_what_a_lease_paid_for_that_was_charged_as_abandoned_is_not_charged_again(
    store: Restorable, tmp_path: Path
) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        store.keep(tmp_path / "backup")
        await outage(here, of=allowance())
        store.restore()
        await here.ledger_back()
        (lease,) = await here.ledger.holds(here.ledger.shard_of("acme"), overdue=False, count=9)
        await here.ledger.extend("acme", lease.op, amount=0, at_least=0, seconds=0)  # type: ignore[arg-type]
        assert (await here.ledger.expire_hold("acme", lease.op)).amount == 50_000_000

        assert LEASE_SECONDS == 3600
        assert states(await looked(here, tmp_path)) == [State.COVERED] * 2
        assert await figures(here.ledger) == (60, 0, 950)


async def test_entries_that_were_exported_and_trimmed_are_looked_for_in_the_archive(
    store: Restorable, tmp_path: Path
) -> None:
    async with worker(store, tmp_path) as here, closing(here):
        await here.ready(allowance())
        await outage(here, of=allowance())
        await export(here.ledger, Archive(tmp_path / "archive"))
        shard = here.ledger.shard_of("acme")
        last = (await here.ledger.entries(shard))[-1][0]
        await here.ledger.checkpoint(shard, ["acme"])
        await here.ledger.trim(shard, last, kept_seconds=0)
        with store.client() as client:
            for call in await looked(here, tmp_path):
                client.delete(names.op_key(shard, call.posting.op))

        assert states(await looked(here, tmp_path)) == [State.BOOKED] * 2
        shutil.rmtree(tmp_path / "archive")
        assert states(await looked(here, tmp_path)) == [State.UNKNOWN] * 2

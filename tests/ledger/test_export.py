"""The export: nothing leaves the store before it is in a file, nothing is in two files, whatever is killed when."""

import asyncio
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from meter.archive.files import Archive, parts, read
from meter.archive.sums import sums
from meter.credits import Credits
from meter.ledger import export as export_module
from meter.ledger.engine import RedisLedger
from meter.ledger.export import ExportBusy, Exported, export, keep_below, over, pause_seconds
from meter.ledger.ids import operation_id
from meter.ledger.promise import Account, Grant, GrantKind, LedgerUnavailable, Order
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms


class Killed(BaseException):
    """The process is killed here."""


class Books:
    """The streams of a ledger, in memory; killed at its n-th step where one is given."""

    def __init__(self) -> None:
        self.streams: dict[int, list[tuple[str, str]]] = {}
        self.balances: dict[str, int] = {}
        self.clock = 0
        self.steps_left: int | None = None
        self.stays = 0
        self.away = False
        self.trims = 0
        self.measured = 0

    def change(self, shard: int, account: str, delta: int, kind: str = "charge") -> None:
        self.clock += 1
        after = self.balances[account] = self.balances.get(account, 0) + delta
        entry = {"kind": kind, "account": account, "delta": str(delta), "after": str(after)}
        self.streams.setdefault(shard, []).append((f"{self.clock}-0", json.dumps(entry)))

    def step(self) -> None:
        if self.away:
            raise LedgerUnavailable("The store is away.", fate_unknown=False)
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                raise Killed

    async def shards_in_use(self) -> Sequence[int]:
        self.step()
        return sorted(self.streams)

    async def stream_bytes(self, shard: int) -> int:
        self.measured += 1
        return 100 * len(self.streams[shard])

    async def entries(self, shard: int, after: str, count: int) -> Sequence[tuple[str, str]]:
        self.step()
        begin = int(after.partition("-")[0]) if after else 0
        return [entry for entry in self.streams[shard] if int(entry[0].partition("-")[0]) > begin][:count]

    async def checkpoint(self, shard: int, accounts: Sequence[str]) -> None:
        self.step()
        for account in accounts:
            self.change(shard, account, 0, "checkpoint")

    async def trim(self, shard: int, up_to: str, *, kept_seconds: int) -> int:
        self.step()
        self.trims += 1
        stream = self.streams[shard]
        keep = [entry for entry in stream if int(entry[0].partition("-")[0]) > int(up_to.partition("-")[0])]
        left = max(len(keep), self.stays if kept_seconds else 0)
        self.streams[shard] = stream[-left:] if left else []
        return len(stream) - len(self.streams[shard])


@pytest.fixture
def books() -> Books:
    """Two shards, three accounts, forty entries."""
    books = Books()
    for number in range(20):
        books.change(1, ("acme", "bolt")[number % 2], 100 - number)
        books.change(2, "corp", 7)
    return books


@pytest.fixture
def archive(tmp_path) -> Archive:
    return Archive(tmp_path)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small pages and files, and no waiting."""
    monkeypatch.setattr(export_module, "PAGE_ENTRIES", 3)
    monkeypatch.setattr(export_module, "FILE_ENTRIES", 6)
    monkeypatch.setattr(export_module, "KEEP_SECONDS", 0)


def archived(archive: Archive) -> list[str]:
    return [line.id for line in read(archive.folder)]


def balances(archive: Archive) -> dict[str, int]:
    return {account: total.balance for account, total in sums(read(archive.folder)).items()}


async def test_what_is_exported_adds_up_to_the_balances(books, archive):
    await export(books, archive)

    assert balances(archive) == books.balances


async def test_only_the_checkpoints_of_changed_accounts_stay_in_the_store(books, archive):
    await export(books, archive)
    left = [json.loads(entry) for stream in books.streams.values() for _, entry in stream]

    assert [(entry["kind"], entry["account"]) for entry in left] == [
        ("checkpoint", "acme"),
        ("checkpoint", "bolt"),
        ("checkpoint", "corp"),
    ]


async def test_an_export_says_what_it_did(books, archive):
    assert await export(books, archive) == (
        Exported(shard=1, entries=20, trimmed=20, last="39-0"),
        Exported(shard=2, entries=20, trimmed=20, last="40-0"),
    )


async def test_a_long_stream_makes_several_files(books, archive):
    await export(books, archive)

    assert len([part for part in parts(archive.folder) if part.shard == 1]) == 4


async def test_entries_that_stay_in_the_store_are_not_exported_again(books, archive):
    books.stays = 10
    await export(books, archive)
    await export(books, archive)
    ids = archived(archive)

    assert (len(ids), len(set(ids)), balances(archive)) == (len(ids), len(ids), books.balances)


@pytest.mark.parametrize("stays", [0, 1_000])
async def test_a_store_at_rest_gets_no_more_checkpoints(books, archive, stays):
    books.stays = stays
    for _ in range(5):
        await export(books, archive)

    assert sum(b'"checkpoint"' in line.entry for line in read(archive.folder)) == 3


@pytest.mark.parametrize("steps", range(24))
async def test_a_kill_before_any_step_loses_nothing_and_exports_nothing_twice(books, archive, steps):
    books.steps_left = steps
    try:
        await export(books, archive)
    except Killed:
        books.change(1, "acme", -5)
    books.steps_left = None
    await export(books, archive)
    ids = archived(archive)

    assert (len(ids), balances(archive)) == (len(set(ids)), books.balances)


async def test_every_trimmed_account_has_a_checkpoint_after_a_kill_before_it(books, archive, monkeypatch):
    async def killed(_shard: int, _accounts: Sequence[str]) -> None:
        raise Killed

    with monkeypatch.context() as power, pytest.raises(Killed):  # noqa: PT012 - the kill is the point
        power.setattr(books, "checkpoint", killed)
        await export(books, archive)
    await export(books, archive)

    assert {json.loads(entry)["account"] for stream in books.streams.values() for _, entry in stream} == {
        "acme",
        "bolt",
        "corp",
    }


async def test_two_exports_at_once_are_one(books, archive):
    with archive.claimed(), pytest.raises(ExportBusy, match="Another process is exporting"):
        await export(books, archive)


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        pytest.param({1: 20, 2: 29}, (), id="room-is-left"),
        pytest.param({1: 20, 2: 30}, (2,), id="the-largest-is-enough"),
        pytest.param({1: 20, 2: 19, 3: 21}, (3, 1), id="as-many-as-it-takes"),
        pytest.param({1: 400}, (1,), id="far-above"),
        pytest.param({}, (), id="nothing-there"),
    ],
)
def test_the_largest_shards_are_exported_in_time(sizes, chosen):
    assert over(sizes, 100) == chosen


async def keeping(books: Books, archive: Archive, keep_bytes: int, enough) -> None:
    """Run the owner task until something is true."""
    owner = asyncio.create_task(keep_below(books, archive, keep_bytes))
    async with asyncio.timeout(10):
        while not enough():  # noqa: ASYNC110 - the condition is another task's
            await asyncio.sleep(0)
    owner.cancel()
    await asyncio.wait([owner])


async def test_a_stream_that_grows_is_kept_below_its_limit(books, archive):
    await keeping(books, archive, 4_000, lambda: books.trims)

    assert sum(len(stream) * 100 for stream in books.streams.values()) < 3_000


async def test_where_room_is_wanted_the_youngest_entries_go_too(books, archive):
    books.stays = 1_000
    await keeping(books, archive, 4_000, lambda: books.trims)

    assert sum(len(stream) * 100 for stream in books.streams.values()) < 3_000


@pytest.mark.parametrize(
    ("room_bytes", "seconds"),
    [
        pytest.param(1 << 40, 10, id="nobody-hurries-while-there-is-room"),
        pytest.param(128 << 20, 2, id="half-the-default"),
        pytest.param(0, 0.1, id="full"),
        pytest.param(-1, 0.1, id="too-full"),
    ],
)
def test_the_less_room_there_is_the_sooner_the_streams_are_measured_again(room_bytes, seconds, monkeypatch):
    monkeypatch.setattr(export_module, "KEEP_SECONDS", 10)

    assert pause_seconds(room_bytes) == seconds


async def test_a_store_that_is_away_does_not_end_the_keeping(books, archive, caplog):
    books.away = True

    def back() -> bool:
        books.away = books.away and "grows: The store is away" not in caplog.text
        return books.trims > 0

    await keeping(books, archive, 1_000, back)

    assert balances(archive) == {account: books.balances[account] for account in balances(archive)}


async def test_a_cancelled_export_keeps_its_claim_until_its_file_is_written(books, archive, monkeypatch):
    begun, go_on, write = threading.Event(), threading.Event(), archive.write

    def slowly(shard: int, entries: Sequence[tuple[str, str]]) -> Path:
        begun.set()
        go_on.wait()
        return write(shard, entries)

    monkeypatch.setattr(archive, "write", slowly)
    exporting = asyncio.create_task(export(books, archive))
    await asyncio.to_thread(begun.wait)
    exporting.cancel()
    await asyncio.wait([exporting], timeout=0.05)
    with Archive(archive.folder).claimed() as free:
        go_on.set()
    await asyncio.wait([exporting])

    assert (free, exporting.cancelled(), len(parts(archive.folder))) == (False, True, 1)


async def test_of_several_workers_one_keeps(books, archive):
    with archive.claimed():
        owner = asyncio.create_task(keep_below(books, archive, 1))
        for _ in range(20):
            await asyncio.sleep(0)
        owner.cancel()
        await asyncio.wait([owner])

    assert books.measured == 0


async def test_the_entries_of_the_real_ledger_add_up_to_its_balances(ledger, archive, monkeypatch):
    monkeypatch.setattr(export_module, "PAGE_ENTRIES", 1_000)
    terms = Terms(plan="pro", included=Credits(50_000_000), period=PeriodUnit.NONE)
    opened = [(await ledger.open_account(name, terms, op="open"))[1] for name in ("acme", "acme/web", "bolt")]
    for account in opened:
        await spend(ledger, account)
    await export(ledger, archive)
    await spend(ledger, opened[0])
    await export(ledger, archive)

    assert balances(archive) == {account.id: await held(ledger, account.id) for account in opened}


async def test_where_nothing_is_to_be_kept_the_second_that_runs_goes_too(ledger):
    await ledger.open_account("acme", Terms(plan="pro", included=Credits(1), period=PeriodUnit.NONE), op="open")
    shard = ledger.shard_of("acme")
    ((last, _),) = await ledger.entries(shard)
    trimmed = await ledger.trim(shard, last, kept_seconds=0)

    assert (trimmed, await ledger.entries(shard)) == (1, ())


async def spend(ledger: RedisLedger, account: Account) -> None:
    """Charge five times, undo one of them, and revoke a grant."""
    ops = [operation_id(ledger.now()) for _ in range(5)]
    for op in ops:
        await ledger.charge(
            Order(op=op, account=account, amount=Credits(3_000_000), operation="image.resize", quote="{}")
        )
    await ledger.refund(account.id, ops[0], reason="500")
    await ledger.void(account.id, ops[1])
    await ledger.grant(account.id, Grant(id=f"gift-{ops[0]}", kind=GrantKind.PROMO, amount=Credits(7)))
    await ledger.revoke(account.id, f"gift-{ops[0]}", op=f"revoke:{ops[0]}")


async def held(ledger: RedisLedger, account: str) -> int:
    statement = await ledger.statement(account)
    assert statement
    return statement.remaining

"""A store that came back older than it was is noticed, and what it lost is named."""

import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis

from meter.credits import Credits
from meter.ledger import names, store_watch
from meter.ledger.engine import RedisLedger
from meter.ledger.holding import HoldTerms, OnExpiry
from meter.ledger.line import open_line
from meter.ledger.promise import LedgerUnavailable, Order
from meter.ledger.receipts import KEPT_SECONDS, RECEIPTS_MAX, Receipts
from meter.ledger.store_watch import Loss, StoreWatch
from tests.conftest import STEP_SECONDS, Server, server_binary, start_server, stop_server
from tests.ledger.books import charged, opened, order


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def receipts(clock: Clock) -> Receipts:
    return Receipts(len, clock=clock)


def ops(found: dict) -> dict[int, list[str]]:
    return {shard: [receipt.op for receipt in some] for shard, some in found.items()}


def test_the_newest_receipt_of_each_shard_is_at_hand() -> None:
    kept = receipts(Clock())
    for account, op in (("a", "1"), ("bb", "2"), ("a", "3")):
        kept.add(account, op)

    assert ops(kept.newest()) == {1: ["3"], 2: ["2"]}
    assert ops(kept.all()) == {1: ["1", "3"], 2: ["2"]}


def test_a_receipt_is_forgotten_in_time_and_only_when_that_is_asked_for() -> None:
    clock = Clock()
    kept = receipts(clock)
    kept.add("a", "1")
    clock.now += KEPT_SECONDS + 1
    kept.add("a", "2")

    assert ops(kept.all()) == {1: ["1", "2"]}
    kept.forget()
    assert ops(kept.all()) == {1: ["2"]}


def test_receipts_are_bounded_whether_or_not_anybody_looks() -> None:
    kept = receipts(Clock())
    for number in range(RECEIPTS_MAX + 5):
        kept.add("a", str(number))

    assert [len(some) for some in kept.all().values()] == [RECEIPTS_MAX]


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[tuple[RedisLedger, StoreWatch, list[Loss]]]:
    losses: list[Loss] = []
    async with open_line(url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)

        async def told(loss: Loss) -> None:
            losses.append(loss)

        yield ledger, StoreWatch(ledger, on_loss=told), losses


class Restorable:
    """A server that can be set back to how it was."""

    def __init__(self, folder: Path) -> None:
        self.place, self.backup = folder / "s", folder / "backup"
        self.place.mkdir()
        self.server = self._started()

    def keep(self) -> None:
        """Make a backup."""
        stop_server(self.server)
        shutil.copytree(self.place, self.backup, ignore=shutil.ignore_patterns("s"))
        self.server = self._started()

    def restore(self) -> None:
        """Put the backup back."""
        stop_server(self.server)
        shutil.rmtree(self.place)
        shutil.copytree(self.backup, self.place)
        self.server = self._started()

    def restart(self) -> None:
        stop_server(self.server)
        self.server = self._started()

    def _started(self) -> Server:
        binary = server_binary()
        assert binary is not None
        return start_server(binary, self.place, "--appendfsync", "always")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Restorable]:
    restorable = Restorable(tmp_path)
    yield restorable
    stop_server(restorable.server)


async def until_it_answers(ledger: RedisLedger) -> None:
    """The connections of before are broken: each says so once."""
    for _ in range(20):
        try:
            await ledger.ping()
        except LedgerUnavailable:
            continue
        return


async def some_charges(ledger: RedisLedger, count: int) -> list[Order]:
    account = await opened(ledger, included=1000)
    return [await charged(ledger, account) for _ in range(count)]


async def test_a_restored_backup_is_noticed_and_what_it_lost_is_named(
    store: Restorable, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(store.server.url) as (ledger, watch, losses):
        await some_charges(ledger, 3)
        store.keep()
        await until_it_answers(ledger)
        await watch.look()
        lost = await some_charges(ledger, 5)
        await watch.look()
        store.restore()
        await until_it_answers(ledger)
        await watch.look()

    (loss,) = losses
    assert [receipt.op for receipt in loss.lost] == [one.op for one in lost]
    assert [receipt.order for receipt in loss.lost] == lost
    assert loss.remembered == 8
    assert watch.trouble == caplog.records[-1].getMessage()
    assert "5 of the last 8 operations of this worker are not in its books any more" in caplog.text
    assert f"from {lost[0].op} to {lost[-1].op}, of acme (5)" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR


async def test_a_store_that_was_only_restarted_has_lost_nothing(store: Restorable) -> None:
    async with watching(store.server.url) as (ledger, watch, losses):
        await some_charges(ledger, 3)
        await watch.look()
        store.restart()
        await until_it_answers(ledger)
        await watch.look()

    assert losses == []
    assert watch.trouble is None


async def test_a_quiet_worker_notices_too(store: Restorable) -> None:
    async with watching(store.server.url) as (ledger, watch, losses):
        await watch.look()
        store.keep()
        await until_it_answers(ledger)
        await watch.look()
        await watch.look()
        store.restore()
        await until_it_answers(ledger)
        await watch.look()

    (loss,) = losses
    assert "older than what this worker saw, by 2 s or more. All of the last 0 operations" in str(loss)


async def test_a_loss_that_could_not_be_found_out_at_once_is_found_out_later(store: Restorable) -> None:
    async with watching(store.server.url) as (ledger, watch, losses):
        await watch.look()
        lost = await some_charges(ledger, 1)
        record = names.op_key(ledger.shard_of("acme"), lost[0].op)
        with redis.Redis.from_url(store.server.url) as client:
            client.flushall()
            client.rpush(record, "what a record is not")
        with pytest.raises(LedgerUnavailable):
            await watch.look()
        with redis.Redis.from_url(store.server.url) as client:
            client.delete(record)
        assert losses == []
        await watch.look()

    assert losses[0].why.startswith("The store is another one")
    assert [receipt.op for receipt in losses[0].lost] == [lost[0].op]


async def test_an_empty_store_is_another_one(store_url: str) -> None:
    async with watching(store_url) as (ledger, watch, losses):
        await some_charges(ledger, 2)
        await watch.look()
        with redis.Redis.from_url(store_url) as client:
            client.flushall()
        await watch.look()
        await RedisLedger.open(ledger._store._line)

    assert "The store is another one: its epoch was" in str(losses[0])
    assert len(losses[0].lost) == 2


async def test_a_loss_is_told_once(store_url: str) -> None:
    async with watching(store_url) as (ledger, watch, losses):
        await some_charges(ledger, 2)
        await watch.look()
        with redis.Redis.from_url(store_url) as client:
            client.flushall()
        for _ in range(3):
            await watch.look()
        told = watch.trouble
        await RedisLedger.open(ledger._store._line)

    assert len(losses) == 1
    assert told is not None


async def test_one_lost_charge_is_enough_where_the_beat_says_nothing(store_url: str) -> None:
    async with watching(store_url) as (ledger, watch, losses):
        await watch.look()
        last = (await some_charges(ledger, 3))[-1]
        with redis.Redis.from_url(store_url) as client:
            client.delete(names.op_key(ledger.shard_of("acme"), last.op))
        await watch.look()

    assert [receipt.op for receipt in losses[0].lost] == [last.op]


async def test_a_lost_refund_is_a_loss_though_its_charge_is_there(store_url: str) -> None:
    async with watching(store_url) as (ledger, watch, losses):
        placed = (await some_charges(ledger, 1))[0]
        key = names.op_key(ledger.shard_of("acme"), placed.op)
        with redis.Redis.from_url(store_url) as client:
            before = client.get(key)
            await ledger.refund("acme", placed.op, reason="500")
            client.set(key, before, ex=900)
        await watch.look()

    assert [(receipt.op, receipt.closes) for receipt in losses[0].lost] == [(placed.op, True)]


async def test_holds_their_ends_and_undone_operations_are_no_losses(store_url: str) -> None:
    async with watching(store_url) as (ledger, watch, losses):
        account = await opened(ledger, included=1000)
        terms = HoldTerms(on_expiry=OnExpiry.RELEASE)
        held, settled, released, voided = (order(ledger, account) for _ in range(4))
        for one in (held, settled, released):
            await ledger.hold(one, terms)
        await ledger.settle("acme", settled.op, price=Credits(5), quote="{}")
        await ledger.release("acme", released.op, reason="500")
        await ledger.void("acme", voided.op)
        await ledger.refund("acme", (await charged(ledger, account)).op, reason="500", keep=Credits(3))
        await ledger.charge(order(ledger, account, observe=True))
        for _ in range(2):
            await watch.look()
        await ledger.release("acme", held.op, reason="500")

    assert losses == []


async def test_a_record_that_was_forgotten_in_its_time_is_no_loss(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a long outage the records of what came before it may be gone; the entries are there."""
    async with watching(store_url) as (ledger, watch, losses):
        placed = await some_charges(ledger, 3)
        never_came = order(ledger, await opened(ledger))
        await ledger.void("acme", never_came.op)
        with redis.Redis.from_url(store_url) as client:
            client.delete(*(names.op_key(ledger.shard_of("acme"), one.op) for one in [*placed, never_came]))
        monkeypatch.setattr(store_watch, "KNOWN_SECONDS", -1)
        await watch.look()

    assert losses == []

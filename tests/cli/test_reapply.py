"""``ledger reapply`` says what the store has lost, and charges it only when it is told to."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
import redis

from meter.credits import parse
from meter.ledger.engine import RedisLedger
from meter.ledger.ids import operation_id
from meter.ledger.line import open_line
from meter.ledger.names import shard_of
from meter.ledger.promise import Order
from meter.ledger.reserve.reapply import keep


@pytest.fixture(autouse=True)
def store(store_url, policies, monkeypatch, tmp_path, meter):
    monkeypatch.setenv("METER_REDIS", store_url)
    monkeypatch.setenv("METER_DATA", str(tmp_path / "data"))
    meter("account", "create", "acme", "--plan", "free")


@pytest.fixture
def lost(store_url, tmp_path) -> list[Order]:
    """Charges that a worker found missing."""
    orders = asyncio.run(_orders(store_url))
    keep(tmp_path / "data" / "reserve", orders)
    return orders


async def _orders(url: str) -> list[Order]:
    async with open_line(url) as line:
        ledger = await RedisLedger.open(line)
        account = await ledger.find_account("acme")
        assert account is not None
        amounts = (parse("2.5"), parse("990"), parse("10"))
        return [
            Order(op=operation_id(ledger.now()), account=account, amount=one, operation="other", quote="{}")
            for one in amounts
        ]


def test_nothing_that_is_kept_is_nothing_lost(meter):
    ended = meter("ledger", "reapply")

    assert ended.code == 0
    assert "0 calls lost" in ended.data


def test_what_is_lost_is_said_and_not_charged(meter, lost):
    ended = meter("ledger", "reapply", "--json")

    assert ended.code == 1
    assert [(one["op"], one["credits"], one["charged"]) for one in ended.json()["lost"]] == [
        (lost[0].op, Decimal("2.5"), None),
        (lost[1].op, 990, None),
        (lost[2].op, 10, None),
    ]
    assert meter("balance", "acme", "--json").json()["data"]["consumed"] == 0


def test_what_is_lost_is_charged_once_and_as_far_as_the_account_goes(meter, lost):
    ended = meter("ledger", "reapply", "--apply", "--json")
    again = meter("ledger", "reapply", "--apply", "--json")

    assert ended.code == 0
    assert [one["charged"] for one in ended.json()["lost"]] == [Decimal("2.5"), 990, Decimal("7.5")]
    assert again.json() == {"booked": 3, "covered": 0, "unknown": [], "lost": []}
    assert meter("balance", "acme", "--json").json()["data"]["remaining"] == 0


def test_people_get_a_table_and_the_way_on(meter, lost):
    ended = meter("ledger", "reapply")

    assert lost[0].op[:8] in ended.data
    assert "3 calls lost, 0 in the books" in ended.data
    assert "--apply charges what is lost" in ended.talk


def test_an_account_that_is_gone_is_a_failure(meter, lost, store_url):
    with redis.Redis.from_url(store_url) as client:
        client.delete(*client.scan_iter("{meter:*"))
    ended = meter("ledger", "reapply", "--apply")

    assert ended.code == 1
    assert "failed" in ended.data


def test_an_archive_that_is_broken_is_one_sentence(meter, lost, tmp_path: Path):
    (tmp_path / "out").mkdir()
    shard = shard_of("acme")
    (tmp_path / "out" / f"{shard}_1795000000000-0-9995000000000-0.jsonl.gz").write_bytes(b"x")
    ended = meter("ledger", "reapply", "--from", str(tmp_path / "out"))

    assert (ended.code, ended.data) == (1, "")
    assert "cannot be read" in ended.talk

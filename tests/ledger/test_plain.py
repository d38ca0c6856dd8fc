"""Plain charges: written without a look at the burn list, and never where that would matter.

What they go by is checked against the model after every step of the machine; here is when they are taken.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import redis

from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.ledger.names import account_key, api_key_key, ledger_key, limits_key, op_key, shard_of, used_key
from meter.ledger.promise import Done, LedgerUnavailable, Refused, Status, Word
from tests.conftest import STEP_SECONDS
from tests.ledger.books import START, charged, drilled, entries, left, lot, opened, order
from tests.ledger.machine import store_client

HASH = "ab" * 32
SHARD = shard_of("acme")


@pytest.fixture
async def ledger(any_store_url: str) -> AsyncIterator[RedisLedger]:
    async with open_line(any_store_url) as line:
        yield await RedisLedger.open(line, step_seconds=STEP_SECONDS)


@pytest.fixture
def client(any_store_url: str) -> Iterator[redis.Redis]:
    with store_client(any_store_url) as client:
        yield client


def burn_list(client: redis.Redis) -> str:
    return client.hget(account_key(SHARD, "acme"), "lots").decode()  # type: ignore[union-attr]


async def test_a_plain_charge_leaves_the_burn_list_as_it_is_written(ledger: RedisLedger, client: redis.Redis) -> None:
    account = await opened(ledger, included=100)
    before = burn_list(client)
    await charged(ledger, account, 30)

    assert burn_list(client) == before
    assert list((await left(ledger)).values()) == [70]


async def test_the_steps_after_a_plain_charge_know_what_it_took(ledger: RedisLedger, client: redis.Redis) -> None:
    account = await opened(ledger, included=100)
    await ledger.grant("acme", lot("later", 50))
    await charged(ledger, account, 30)
    await ledger.grant("acme", lot("last", 7))

    assert [text.split("|")[1] for text in burn_list(client).split()] == ["70", "7", "50"]


@pytest.mark.parametrize(
    ("amount", "more"),
    [
        pytest.param(100, {}, id="nothing would be left of the first lot"),
        pytest.param(101, {}, id="the first lot is not enough"),
        pytest.param(0, {}, id="it takes nothing"),
        pytest.param(1, {"observe": True}, id="it is only observed"),
    ],
)
async def test_a_charge_that_is_not_plain_writes_the_burn_list_anew(
    ledger: RedisLedger, client: redis.Redis, amount: int, more: dict
) -> None:
    account = await opened(ledger, included=101)
    await ledger.grant("acme", lot("later", 50))
    await charged(ledger, account, 1)
    await ledger.charge(order(ledger, account, amount, **more))

    assert sum(int(text.split("|")[1]) for text in burn_list(client).split()) == 150 - (0 if more else amount)


async def test_a_scoped_lot_is_not_passed_by(ledger: RedisLedger) -> None:
    account = await opened(ledger, included=100)
    await ledger.grant("acme", lot("lists", 50, scope=frozenset({"users.list"})))
    await charged(ledger, account, 10, "chat")
    await charged(ledger, account, 10, "users.list")

    assert await left(ledger) == {"lists": 40, f"period:{account.period.start}": 90}


async def test_a_suspended_account_is_not_charged_by_a_plain_charge(ledger: RedisLedger) -> None:
    account = await opened(ledger)
    await charged(ledger, account)
    await ledger.set_status("acme", Status.SUSPENDED, op="status:1")

    assert await ledger.charge(order(ledger, account)) == Refused(word=Word.SUSPENDED)


async def test_the_clock_never_goes_behind_a_plain_charge(any_store_url: str) -> None:
    async with drilled(any_store_url) as drill:
        account = await opened(drill.ledger)
        await drill.wait(100)
        await charged(drill.ledger, account)
        await drill.wait(-2)
        await charged(drill.ledger, account)
        seconds = [entry["at"] for entry in await entries(drill.ledger)]

    assert seconds == [START, START + 100, START + 100]


async def test_the_receipt_of_a_plain_charge_tells_the_overage_that_is_left(ledger: RedisLedger) -> None:
    outcome = await ledger.charge(order(ledger, await opened(ledger, included=100, overage=20), 30))

    assert isinstance(outcome, Done)
    assert (outcome.balance.remaining, outcome.balance.granted) == (90, 100)


@pytest.mark.parametrize("field", ["left", "others"])
async def test_a_burn_list_that_does_not_add_up_is_refused(
    ledger: RedisLedger, client: redis.Redis, field: str
) -> None:
    account = await opened(ledger, included=100)
    await ledger.grant("acme", lot("later", 50))
    client.hincrby(account_key(SHARD, "acme"), field, 1)

    with pytest.raises(LedgerUnavailable, match="its books can't be read"):
        await ledger.charge(order(ledger, account, 120))


KEYS = {
    "account": lambda _: account_key(SHARD, "acme"),
    "used": lambda _: used_key(SHARD, "acme"),
    "op": lambda op: op_key(SHARD, op),
    "ledger": lambda _: ledger_key(SHARD),
    "limits": lambda _: limits_key(SHARD, "acme"),
    "API key": lambda _: api_key_key(SHARD, HASH),
}


@pytest.mark.parametrize("amount", [10, 100], ids=["plain", "walked"])
@pytest.mark.parametrize("which", KEYS)
async def test_a_key_of_the_wrong_type_fails_before_anything_is_written(
    ledger: RedisLedger, client: redis.Redis, which: str, amount: int
) -> None:
    account = await opened(ledger, included=101)
    await ledger.create_key("acme", key_hash=HASH, hint="mk_", expires_at=None, op="key:1")
    await charged(ledger, account, 1)
    placed = replace(order(ledger, account, amount), key_hash=HASH)
    client.delete(KEYS[which](placed.op))
    client.lpush(KEYS[which](placed.op), "something else")
    before = written(client)

    with pytest.raises(LedgerUnavailable, match="A key of the ledger holds something else"):
        await ledger.charge(placed)
    assert written(client) == before
    client.delete(KEYS[which](placed.op))


def written(client: redis.Redis) -> dict[bytes, object]:
    return {key: client.dump(key) for key in client.scan_iter(count=1000)}

"""What the ledger promises of holds, on a real server and on fakeredis: each rule by its name."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from meter.credits import Credits
from meter.ledger.engine import RedisLedger
from meter.ledger.holding import Closed, HoldTerms, OnExpiry
from meter.ledger.names import op_key
from meter.ledger.promise import Account, Done, Order, Short, Word
from meter.pricing.calendar import period_containing
from tests.ledger.books import (
    START,
    Drill,
    drilled,
    entries,
    held,
    opened,
    order,
    stands,
)
from tests.ledger.machine import store_client

RELEASED = HoldTerms(on_expiry=OnExpiry.RELEASE, seconds=60)
CHARGED = HoldTerms(on_expiry=OnExpiry.CHARGE, at_least=Credits(7), seconds=60)


@pytest.fixture
async def drill(any_store_url: str) -> AsyncIterator[Drill]:
    async with drilled(any_store_url) as moved:
        yield moved


async def settled(ledger: RedisLedger, placed: Order, price: int, *, overrun: bool = False) -> Closed:
    return await ledger.settle("acme", placed.op, price=Credits(price), quote='{"final":1}', overrun=overrun)


async def extended(ledger: RedisLedger, placed: Order, amount: int, *, at_least: int = 0, seconds: int = 60) -> tuple:
    said = await ledger.extend("acme", placed.op, amount=Credits(amount), at_least=Credits(at_least), seconds=seconds)
    return said.word, said.held


async def stand(ledger: RedisLedger) -> tuple[int, int, int, int]:
    """Granted, consumed, reserved, remaining."""
    one = await stands(ledger)
    return one.granted, one.consumed, one.reserved, one.remaining


async def open_holds(ledger: RedisLedger, *, overdue: bool = False) -> list[str]:
    return [one.op for one in await ledger.holds(ledger.shard_of("acme"), overdue=overdue, count=100)]


async def forget(url: str, ledger: RedisLedger, op: str) -> None:
    """What the server does by itself fifteen minutes after an operation."""
    with store_client(url) as client:
        client.delete(op_key(ledger.shard_of("acme"), op))


async def next_period(drill: Drill, account: Account) -> Account:
    """Wait until the period is over, and begin the next."""
    assert account.period.end is not None
    await drill.wait(account.period.end - drill.line.now)
    period = period_containing(account.terms, account.period.end)
    return await drill.ledger.renew(account, period, op="renew:1")


async def test_a_hold_that_is_released_by_its_expiry_costs_nothing(drill: Drill) -> None:
    account = await opened(drill.ledger, included=20, overage=50)
    placed = await held(drill.ledger, account, 30, terms=RELEASED)
    await drill.wait(60)
    closed = [await drill.ledger.expire_hold("acme", placed.op) for _ in range(2)]
    entry = (await entries(drill.ledger))[-1]

    assert [(one.word, one.amount) for one in closed] == [(Word.DONE, 0), (Word.REPEAT, 0)]
    assert await stand(drill.ledger) == (20, 0, 0, 20)
    assert await open_holds(drill.ledger) == []
    assert entry == {
        "kind": "expire_hold",
        "account": "acme",
        "op": placed.op,
        "operation": "chat",
        "amount": "0",
        "held": "30",
        "taken": "",
        "overage": "0",
        "to": f"period:{account.period.start}=20",
        "back": "10",
        "by": "release",
        "delta": "20",
        "after": "20",
        "at": START + 60,
        "period": account.period.start,
    }


async def test_a_hold_that_was_closed_in_time_does_not_expire(drill: Drill) -> None:
    account = await opened(drill.ledger)
    placed = [await held(drill.ledger, account, 30, terms=CHARGED) for _ in range(3)]
    await settled(drill.ledger, placed[0], 12)
    await drill.ledger.release("acme", placed[1].op, reason="503")
    await drill.ledger.void("acme", placed[2].op)
    await drill.wait(60)
    closed = [await drill.ledger.expire_hold("acme", one.op) for one in placed]

    assert [(one.word, one.amount) for one in closed] == [(Word.REPEAT, 12), (Word.REPEAT, 0), (Word.REPEAT, 0)]
    assert await stand(drill.ledger) == (100, 12, 0, 88)


async def test_a_hold_that_outlived_its_period_is_refunded_in_the_one_that_it_was_used_in(drill: Drill) -> None:
    account = await opened(drill.ledger, included=10, overage=50)
    placed = await held(drill.ledger, account, 30)
    await next_period(drill, account)
    await settled(drill.ledger, placed, 25)
    await drill.ledger.refund("acme", placed.op, reason="sorry")
    one = await stands(drill.ledger)

    assert (one.consumed, one.reserved, one.overage) == (0, 0, 0)
    assert one.lifetime["granted"] == one.remaining + one.lifetime["spent"] + one.lifetime["expired"]


async def test_the_overage_in_a_hold_counts_in_the_period_that_runs_and_never_past_its_limit(drill: Drill) -> None:
    account = await opened(drill.ledger, included=10, overage=50)
    placed = await held(drill.ledger, account, 40)
    account = await next_period(drill, account)
    begun = (await stands(drill.ledger)).overage
    await extended(drill.ledger, placed, 1000)
    grown = await stands(drill.ledger)
    closed = await settled(drill.ledger, placed, 1000, overrun=True)

    assert (begun, grown.overage, grown.reserved) == (30, 50, 70)
    assert closed.amount == 70
    assert (await stands(drill.ledger)).overage == 50


async def test_the_overage_that_a_hold_of_an_earlier_period_gives_back_can_be_drawn_again(drill: Drill) -> None:
    account = await opened(drill.ledger, included=10, overage=50)
    placed = await held(drill.ledger, account, 60)
    account = await next_period(drill, account)
    short = await drill.ledger.charge(order(drill.ledger, account, 11))
    await drill.ledger.release("acme", placed.op, reason="503")

    assert isinstance(short, Short)
    assert isinstance(await drill.ledger.charge(order(drill.ledger, account, 70)), Done)
    assert (await stands(drill.ledger)).overage == 50


async def test_a_hold_that_lived_long_is_refunded_by_its_entry(drill: Drill, any_store_url: str) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30)
    for _ in range(4):
        await drill.wait(3600)
        await extended(drill.ledger, placed, 30, seconds=4000)
    await settled(drill.ledger, placed, 12)
    await drill.wait(901)
    await forget(any_store_url, drill.ledger, placed.op)
    undone = [await drill.ledger.refund("acme", placed.op, reason="sorry") for _ in range(2)]

    assert [(one.word, one.amount) for one in undone] == [(Word.DONE, 12), (Word.REPEAT, 12)]
    assert (await stands(drill.ledger)).consumed == 0


async def test_what_the_record_of_a_long_hold_gave_back_is_not_given_back_by_its_entry(
    drill: Drill, any_store_url: str
) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30, terms=replace(RELEASED, seconds=10_000))
    await drill.wait(5000)
    await settled(drill.ledger, placed, 12)
    entry = (await drill.ledger.entries(drill.ledger.shard_of("acme")))[-1][0]
    await drill.ledger.refund("acme", placed.op, reason="404", keep=Credits(2))
    await drill.wait(901)
    await forget(any_store_url, drill.ledger, placed.op)
    undone = await drill.ledger.refund_entry(entry, account="acme", op="refunds:1", reason="sorry")

    assert (undone.word, undone.amount) == (Word.DONE, 2)
    assert (await stands(drill.ledger)).consumed == 0


async def test_a_hold_that_expired_at_nothing_has_no_entry_to_refund(drill: Drill, any_store_url: str) -> None:
    placed = await held(drill.ledger, await opened(drill.ledger), 30, terms=RELEASED)
    await drill.wait(60)
    await drill.ledger.expire_hold("acme", placed.op)
    entry = (await drill.ledger.entries(drill.ledger.shard_of("acme")))[-1][0]
    await drill.wait(901)
    await forget(any_store_url, drill.ledger, placed.op)

    assert (await drill.ledger.refund_entry(entry, account="acme", op="r:1", reason="sorry")).word is Word.GONE
    assert (await drill.ledger.void("acme", placed.op)).word is Word.GONE

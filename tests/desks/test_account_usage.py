"""What an account used: the days come to what the operations do, and say since when they are whole."""

import json
import random
from decimal import Decimal

import pytest

from meter.credits import Credits
from meter.gateway.account import usage
from meter.gateway.account.usage import usage_object
from meter.gateway.account_view import json_text
from meter.ledger.engine import RedisLedger
from meter.ledger.line import open_line
from meter.till import statement
from tests.conftest import STEP_SECONDS
from tests.ledger.books import charged, held, opened, order


async def shown(ledger, account="acme"):
    found = await statement(ledger, account)
    return json.loads(json_text(await usage_object(ledger, found, {})), parse_float=Decimal)


async def test_the_days_come_to_what_the_operations_do(ledger):
    account = await opened(ledger, included=1000)
    for amount in (30, 20, 5):
        await charged(ledger, account, amount)
    said = await shown(ledger)

    assert sum(day["credits"] for day in said["days"]) == sum(one["credits"] for one in said["operations"])
    assert sum(day["calls"] for day in said["days"]) == 3
    assert said["days_since"] == said["period"]["start"]


async def test_what_was_given_back_was_not_used(ledger):
    account = await opened(ledger, included=1000)
    kept = await charged(ledger, account, 30)
    back = await charged(ledger, account, 20)
    await ledger.refund("acme", back.op, reason="failed")
    said = await shown(ledger)

    assert kept.op != back.op
    assert sum(day["credits"] for day in said["days"]) == sum(one["credits"] for one in said["operations"])
    assert said["consumed"] == sum(day["credits"] for day in said["days"]) > 0


async def test_days_that_cannot_be_counted_are_not_claimed(ledger, monkeypatch):
    account = await opened(ledger, included=1000)
    for _ in range(5):
        await charged(ledger, account, 1)
    monkeypatch.setattr(usage, "LOOKED_AT_MAX", 2)
    monkeypatch.setattr(usage, "AT_ONCE", 2)
    said = await shown(ledger)

    assert said["days_since"] > said["period"]["start"]
    assert said["consumed"] > sum(day["credits"] for day in said["days"])


async def test_entries_that_were_trimmed_are_not_claimed(ledger):
    account = await opened(ledger, included=1000)
    await charged(ledger, account, 7)
    shard = ledger.shard_of("acme")
    last = (await ledger.entries(shard))[-1][0]
    await ledger.trim(shard, last, kept_seconds=0)
    said = await shown(ledger)

    assert (said["days"], said["days_since"]) == ([], said["as_of"])
    assert said["consumed"] > 0


async def test_a_neighbour_on_the_shard_is_not_counted(ledger):
    account, other = await opened(ledger, included=1000), await opened(ledger, "acme/web", included=1000)
    await charged(ledger, account, 7)
    await charged(ledger, other, 9)
    said = [await shown(ledger, name) for name in ("acme", "acme/web")]

    assert [one["days"][0]["calls"] for one in said] == [1, 1]


async def test_a_call_that_cost_nothing_is_no_use(ledger):
    await ledger.charge(order(ledger, await opened(ledger, included=1000), 0))

    assert (await shown(ledger))["days"] == []


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_an_account_did_its_days_come_to_what_its_operations_do(memory_url, seed):
    dice = random.Random(seed)
    async with open_line(memory_url) as line:
        ledger = await RedisLedger.open(line, step_seconds=STEP_SECONDS)
        account = await opened(ledger, included=300, overage=50)
        done = []
        for _ in range(60):
            operation, amount = dice.choice(["chat", "image"]), dice.randint(0, 9)
            match dice.choice(["charge", "settle", "release", "refund", "void", "entry"]):
                case "charge":
                    done.append(await charged(ledger, account, amount, operation))
                case "settle":
                    done.append(await held(ledger, account, amount, operation))
                    await ledger.settle("acme", done[-1].op, price=Credits(dice.randint(0, 9)), quote="{}")
                case "release":
                    await ledger.release("acme", (await held(ledger, account, amount, operation)).op, reason="x")
                case "refund" if done:
                    await ledger.refund("acme", dice.choice(done).op, reason="x", keep=Credits(dice.randint(0, 3)))
                case "void" if done:
                    await ledger.void("acme", dice.choice(done).op)
                case "entry":
                    place, _ = dice.choice(await ledger.entries(ledger.shard_of("acme")))
                    back = Credits(dice.randint(1, 5))
                    await ledger.refund_entry(
                        place, account="acme", op=f"back:{dice.random()}", reason="x", amount=back
                    )
        said = await shown(ledger)

    assert sum(day["credits"] for day in said["days"]) == sum(one["credits"] for one in said["operations"])
    assert sum(day["credits"] for day in said["days"]) == said["consumed"]

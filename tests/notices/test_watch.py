"""Who finds out, who delivers, and what becomes of both when they die."""

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
import redis

from meter.credits import Credits
from meter.ledger import names
from meter.ledger.engine import RedisLedger
from meter.ledger.promise import Account, Done, Grant, GrantKind, Status
from meter.notices.postman import HAND_SECONDS, Postman
from meter.notices.retries import Retries
from meter.notices.signing import Signer
from meter.notices.watch import Watch
from meter.notices.webhook import Webhook
from meter.policy.model import PeriodUnit
from meter.policy.top_up import Often, TopUp
from tests.ledger.books import DAY, charged, drilled, entries, kinds, order, terms
from tests.ledger.books import opened as opened_by_month
from tests.notices.receiver import SECRET, Receiver, receiving

ROOT = Path(__file__).resolve().parent.parent.parent
AT_ONCE = Retries(first_seconds=0, most_seconds=0, attempts=5)
TOP_UP = TopUp(below=Credits(100), cool_off_seconds=3600, at_most=Often(times=2, seconds=DAY))


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One worker's watch and its postman."""

    ledger: RedisLedger
    watch: Watch
    postman: Postman

    async def look(self) -> None:
        await self.watch.look()
        await self.postman.idle()


def house(ledger: RedisLedger, transport: httpx.AsyncBaseTransport, url: str, **facts: object) -> House:
    top_up = facts.pop("top_up", None)
    retries = facts.pop("retries", AT_ONCE)
    webhook = Webhook(transport, url, Signer([SECRET]), source="urn:meter:t", clock=lambda: int(time.time()))
    postman = Postman(ledger, webhook, retries=retries)  # type: ignore[arg-type]
    watch = Watch(ledger, top_up=lambda _: top_up, postman=postman, **facts)  # type: ignore[arg-type,return-value]
    return House(ledger=ledger, watch=watch, postman=postman)


async def opened(ledger: RedisLedger, name: str = "acme", *, included: int = 100) -> Account:
    """An account of which nothing is forecast, since nothing of it resets."""
    _, account = await ledger.open_account(name, terms(included, period=PeriodUnit.NONE), op=f"open:{name}")
    return account


@asynccontextmanager
async def living(ledger: RedisLedger, receiver: Receiver, **facts: object) -> AsyncIterator[House]:
    async with httpx.AsyncHTTPTransport() as transport:
        made = house(ledger, transport, receiver.url, **facts)
        try:
            yield made
        finally:
            await made.postman.close()


def depose(url: str) -> None:
    """Let the leader's term be over."""
    with redis.Redis.from_url(url) as client:
        client.delete(names.leader_key("notices"))


async def test_a_thousand_charges_across_a_threshold_alert_once(store_url, ledger_on_server):
    ledger = ledger_on_server
    account = await opened(ledger, included=2100)
    async with receiving() as receiver, living(ledger, receiver) as house:
        await charged(ledger, account, 1000)
        for _ in range(10):
            done = await asyncio.gather(*(ledger.charge(order(ledger, account, 1)) for _ in range(100)))
            assert all(isinstance(one, Done) for one in done)
            await house.look()
        got = receiver.got

    events = [one.event for one in got]
    assert [event["data"]["percent"] for event in events] == [50, 80, 90]
    assert (await kinds(ledger)).count("alert") == 3


async def test_a_webhook_is_a_signed_event_of_the_entry(ledger):
    await charged(ledger, await opened(ledger), 50)
    async with receiving() as receiver, living(ledger, receiver) as house:
        await house.look()
        (got,) = receiver.got
    entry = (await entries(ledger))[-1]
    event = got.event

    assert got.line == "POST /hook?token=t0ken HTTP/1.1"
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert got.id == event["id"] == f"{entry['op']}.alert"
    assert (event["subject"], event["source"]) == ("acme", "urn:meter:t")
    assert event["data"]["level"] == "included"
    assert (event["data"]["used"], event["data"]["limit"]) == (0.00005, 0.0001)
    assert event["time"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry["at"]))


async def test_a_webhook_that_fails_three_times_comes_once_more_with_the_same_id(ledger):
    await charged(ledger, await opened(ledger), 50)
    async with receiving() as receiver, living(ledger, receiver) as house:
        receiver.answers = [503, None, 302]
        for _ in range(6):
            await house.look()
        got = receiver.got

    assert len(got) == 4
    assert len({one.id for one in got}) == 1
    assert len({one.body for one in got}) == 1
    assert got[-1].event
    assert (await ledger.notices(ledger.shard_of("acme"))).waiting == ()


async def test_a_webhook_that_fails_too_often_is_a_dead_letter_and_can_be_sent_again(ledger):
    shard = ledger.shard_of("acme")
    await charged(ledger, await opened(ledger), 50)
    async with receiving() as receiver, living(ledger, receiver) as house:
        receiver.answers = [500] * 5
        for _ in range(8):
            await house.look()
        (dead,) = (await ledger.notices(shard)).dead

        assert (len(receiver.got), dead.attempts, dead.last) == (5, 5, "500")

        await ledger.deliver_again(shard, dead.id)
        await house.look()

        assert [one.id for one in receiver.got] == [dead.id] * 6
    assert (await ledger.notices(shard)).dead == ()


async def test_nobody_waits_for_a_receiver_that_is_not_there(ledger, caplog):
    await charged(ledger, await opened(ledger), 50)
    async with receiving() as receiver:
        pass
    async with living(ledger, receiver, retries=replace(AT_ONCE, first_seconds=60, most_seconds=60)) as house:
        await house.look()
    (letter,) = (await ledger.notices(ledger.shard_of("acme"))).waiting

    assert (letter.attempts, letter.last) == (1, "unreachable")


async def test_no_url_and_no_secret_is_ever_logged(ledger, caplog):
    caplog.set_level(logging.DEBUG)
    await charged(ledger, await opened(ledger), 50)
    async with receiving() as receiver, living(ledger, receiver) as house:
        receiver.answers = [500, None, 204]
        for _ in range(4):
            await house.look()

    assert len(receiver.got) == 3
    assert "did not arrive (500)" in caplog.text
    assert "t0ken" not in caplog.text
    assert SECRET.removeprefix("whsec_") not in caplog.text


async def test_one_who_dies_between_the_entry_and_the_delivery_leaves_it_to_the_next(store_url):
    async with drilled(store_url) as drill, receiving() as receiver:
        ledger = drill.ledger
        await charged(ledger, await opened(ledger), 50)
        async with living(ledger, receiver) as first:
            await first.watch.look()
        assert (receiver.got, (await kinds(ledger)).count("alert")) == ([], 1)

        depose(store_url)
        await drill.wait(HAND_SECONDS)
        async with living(ledger, receiver) as second:
            await second.look()
        (got,) = receiver.got

        assert got.event["data"]["percent"] == 50
        assert (await kinds(ledger)).count("alert") == 1
        assert (await ledger.notices(ledger.shard_of("acme"))).waiting == ()


async def test_one_who_is_killed_while_the_receiver_is_silent_leaves_the_same_webhook_to_the_next(store_url):
    async with drilled(store_url) as drill, receiving() as receiver:
        ledger, drill.line.now = drill.ledger, int(time.time())
        await charged(ledger, await opened(ledger), 50)
        receiver.silent = True
        command = (sys.executable, "-m", "tests.notices.teller", store_url, receiver.url)
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        await receiver.has(1)
        process.kill()
        await process.wait()
        receiver.silent = False
        depose(store_url)
        await drill.wait(HAND_SECONDS + 60)
        async with living(ledger, receiver) as second:
            await second.look()
        first, again = receiver.got

        assert (again.id, again.body) == (first.id, first.body)
        assert (await kinds(ledger)).count("alert") == 1
        assert (await ledger.notices(ledger.shard_of("acme"))).waiting == ()


async def test_a_worker_that_does_not_lead_looks_at_nothing(ledger):
    await charged(ledger, await opened(ledger), 50)
    async with receiving() as receiver, living(ledger, receiver) as first, living(ledger, receiver) as second:
        await first.look()
        await charged(ledger, await known(ledger), 40)
        await second.look()

        assert len(receiver.got) == 1

        await first.look()

        assert len(receiver.got) == 3


async def known(ledger: RedisLedger, account: str = "acme"):
    found = await ledger.find_account(account)
    assert found is not None
    return found


async def test_how_far_was_read_is_kept_so_the_next_leader_reads_no_entry_again(store_url, ledger_on_server):
    ledger, shard = ledger_on_server, ledger_on_server.shard_of("acme")
    await charged(ledger, await opened(ledger), 10)
    async with receiving() as receiver, living(ledger, receiver) as house:
        await house.look()
    last = (await ledger.entries(shard))[-1][0]

    assert (await ledger.to_read()).after == {shard: last}


async def test_more_entries_than_a_page_are_all_read_at_once(ledger, monkeypatch):
    monkeypatch.setattr("meter.ledger.notice_steps.ENTRIES_AT_ONCE", 2)
    account = await opened(ledger)
    for _ in range(5):
        await charged(ledger, account, 10)
    async with receiving() as receiver, living(ledger, receiver) as house:
        await house.look()

    assert receiver.types == ["threshold_reached.v1"]


async def test_an_account_that_cannot_be_read_keeps_nobody_from_being_told(store_url, ledger_on_server, caplog):
    ledger = ledger_on_server
    await charged(ledger, await opened(ledger, "acme/broken"), 50)
    await charged(ledger, await opened(ledger), 50)
    with redis.Redis.from_url(store_url) as client:
        client.hset(names.account_key(ledger.shard_of("acme"), "acme/broken"), "lots", "nonsense")
    async with receiving() as receiver, living(ledger, receiver) as house:
        await house.look()
        got = [one.event["subject"] for one in receiver.got]

    assert got == ["acme"]
    assert "acme/broken could not be looked at" in caplog.text
    with redis.Redis.from_url(store_url) as client:
        assert client.zrange(names.NOTICES_DUE, 0, -1) == [b"acme/broken"]


async def test_zero_is_told_when_nothing_is_left(ledger):
    await charged(ledger, await opened(ledger), 100)
    async with receiving() as receiver, living(ledger, receiver) as house:
        await house.look()
        await house.look()

    assert sorted(receiver.types) == ["exhausted.v1", *["threshold_reached.v1"] * 4]


async def test_a_run_rate_that_leads_beyond_what_is_included_is_told_once(any_store_url):
    async with drilled(any_store_url) as drill, receiving() as receiver:
        account = await opened_by_month(drill.ledger, included=10_000)
        period = account.period
        assert period.end is not None
        async with living(drill.ledger, receiver) as house:
            share = (drill.line.now - period.start) * 10_000 // (period.end - period.start)
            await charged(drill.ledger, account, share - 100)
            await house.look()
            assert "exhaustion_forecast.v1" not in receiver.types

            await charged(drill.ledger, account, 200)
            await house.look()
            await charged(drill.ledger, account, 1)
            await house.look()

        assert receiver.types.count("exhaustion_forecast.v1") == 1


async def test_without_a_webhook_what_is_told_is_an_entry_alone(ledger):
    await charged(ledger, await opened(ledger), 50)
    watch = Watch(ledger, top_up=lambda _: TOP_UP)
    await watch.look()

    assert list(await kinds(ledger))[-1] == "alert"
    assert (await ledger.notices(ledger.shard_of("acme"))).waiting == ()


async def test_a_purchase_is_asked_for_once_below_its_line_and_again_if_nobody_answers(any_store_url):
    async with drilled(any_store_url) as drill, receiving() as receiver:
        ledger = drill.ledger
        await charged(ledger, await opened(ledger, included=1000), 950)
        async with living(ledger, receiver, top_up=TOP_UP) as house:

            async def asked() -> int:
                await house.look()
                await house.look()
                return receiver.types.count("top_up_requested.v1")

            counts = [await asked(), await asked()]
            await drill.wait(3600)
            counts.append(await asked())
            await drill.wait(3600)
            counts.append(await asked())
            await drill.wait(DAY)
            counts.append(await asked())
        grants = [one["data"]["grant_id"] for one in map(said, receiver.got) if "grant_id" in one["data"]]

    assert counts == [1, 1, 2, 2, 3]
    assert len(set(grants)) == 3


def said(got) -> dict:
    return json.loads(got.body)


async def test_a_grant_that_answers_a_purchase_ends_the_asking(any_store_url):
    async with drilled(any_store_url) as drill, receiving() as receiver:
        ledger = drill.ledger
        await charged(ledger, await opened(ledger, included=1000), 950)
        async with living(ledger, receiver, top_up=TOP_UP) as house:
            await house.look()
            (asking,) = [one for one in map(said, receiver.got) if one["type"].endswith("top_up_requested.v1")]
            bought = Grant(id=asking["data"]["grant_id"], kind=GrantKind.PURCHASED, amount=Credits(500))
            await ledger.grant("acme", bought)
            await house.look()
            await drill.wait(2 * 3600)
            await house.look()
            await house.look()

        assert receiver.types.count("top_up_requested.v1") == 1
        assert (await ledger.to_read()).accounts == ()


async def test_a_member_asks_for_nothing_since_its_payer_does(ledger):
    await opened(ledger, included=1000)
    await ledger.open_account("acme/web", replace(terms(0), payer="acme"), op="open:web")
    async with receiving() as receiver, living(ledger, receiver, top_up=TOP_UP) as house:
        await house.look()

    assert receiver.got == []


async def test_a_suspended_account_asks_for_no_purchase(ledger):
    await charged(ledger, await opened(ledger, included=1000), 950)
    await ledger.set_status("acme", Status.SUSPENDED, op="status")
    async with receiving() as receiver, living(ledger, receiver, top_up=TOP_UP) as house:
        await house.look()

    assert "top_up_requested.v1" not in receiver.types


@pytest.mark.parametrize("count", [40])
async def test_more_letters_than_are_delivered_at_once_all_arrive(ledger, count):
    for number in range(count):
        name = f"acme/{number}"
        await charged(ledger, await opened(ledger, name), 50)
    async with receiving() as receiver, living(ledger, receiver) as house:
        for _ in range(6):
            await house.look()

    assert len({one.id for one in receiver.got}) == count

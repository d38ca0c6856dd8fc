"""What an account may ask of its own books."""

import json
from decimal import Decimal
from unittest import mock

import pytest

from meter.credits import parse
from meter.ledger.promise import Status
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms
from tests.support.asgi import answering, call
from tests.support.metering import POLICY, Books, metered

TERMS = Terms(plan="small", included=parse("1000"), period=PeriodUnit.MONTH)


async def test_an_account_reads_its_balance_without_paying(store_url, tmp_path):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        await call(here.app)
        answer = await call(here.app, "GET /credits")

    shown = answer.json["data"]
    assert (answer.status, answer.headers["cache-control"], answer.consumed) == (200, "no-store", None)
    assert [shown[name] for name in ("account", "plan", "included")] == ["acme", "small", 1000]
    assert [shown[name] for name in ("granted", "consumed", "reserved", "remaining")] == [1000, 5, 0, 995]
    assert len(app.seen) == 1


async def test_a_balance_of_zero_can_be_read(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, POLICY.replace("1000,", "5,")) as here:
        await call(here.app)
        refused = await call(here.app)
        answer = await call(here.app, "GET /credits")

    assert (refused.status, answer.status, answer.json["data"]["remaining"]) == (402, 200, 0)


async def test_a_suspended_account_may_still_look(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        await call(here.app)
        await here.books.ledger.set_status("acme", Status.SUSPENDED, op="stop")
        answer = await call(here.app, "GET /credits")

    assert answer.status == 200


async def test_an_amount_is_an_exact_number(store_url, tmp_path):
    policy = POLICY.replace("credits: 5}", "credits: 0.1, minimum: 0.1}").replace(
        "version: 1", "version: 1\nrounding: {step: 0.1, minimum: 0.1}"
    )
    policy = policy.replace(", minimum: 0.1}\n  analysis", "}\n  analysis")
    async with metered(answering(), tmp_path, store_url, policy) as here:
        await call(here.app)
        answer = await call(here.app, "GET /credits")

    shown = json.loads(answer.body, parse_float=Decimal)["data"]
    assert (shown["consumed"], shown["remaining"]) == (Decimal("0.1"), Decimal("999.9"))


async def open_long_ago(books: Books) -> None:
    """Open the account in a period that has been over for months."""
    with mock.patch.object(books.ledger._store, "now", return_value=books.ledger.now() - 100 * 24 * 3600):
        await books.open("acme", TERMS)


async def test_looking_renews_a_period_that_is_over(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        await open_long_ago(here.books)
        answer = await call(here.app, "GET /credits")
        kinds = await here.books.kinds()

    shown = answer.json["data"]
    assert [shown[name] for name in ("granted", "consumed", "remaining")] == [1000, 0, 1000]
    assert shown["period"]["start"] <= shown["as_of"] < shown["period"]["end"]
    assert kinds == ["open", "expire", "renew"]


async def test_the_first_call_of_a_new_period_begins_it(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        await open_long_ago(here.books)
        answer = await call(here.app)
        kinds = await here.books.kinds()

    assert (answer.status, answer.remaining) == (200, "995")
    assert kinds == ["open", "expire", "renew", "charge"]


async def test_an_account_that_nobody_opened_is_opened_by_looking(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        answer = await call(here.app, "GET /credits", ("X-Account", "new/comer"))

    assert [answer.json["data"][name] for name in ("account", "remaining")] == ["new/comer", 1000]


async def test_nobody_looks_into_the_books_of_others(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, identify=lambda _: None) as here:
        answer = await call(here.app, "GET /credits")

    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")


async def test_an_expired_key_shows_nothing(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, identify=None) as here:
        await here.books.open("acme", TERMS)
        written, _ = await here.books.key("acme", expires_at=here.books.ledger.now() - 1)
        answer = await call(here.app, "GET /credits", ("X-API-Key", written))

    assert answer.status == 401


async def test_a_revoked_key_shows_nothing_any_more(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, identify=None) as here:
        await here.books.open("acme", TERMS)
        written, key = await here.books.key("acme")
        before = await call(here.app, "GET /credits", ("X-API-Key", written))
        await here.books.ledger.revoke_key(key.shard, key.hash, op="stop")
        after = await call(here.app, "GET /credits", ("X-API-Key", written))

    assert (before.status, after.status) == (200, 401)


@pytest.mark.parametrize(
    ("line", "status"),
    [("POST /credits", 405), ("OPTIONS /credits", 405), ("GET /credits/nothing", 404), ("GET /credits/", 404)],
)
async def test_what_is_not_there_is_said_and_never_asked_of_the_app(store_url, tmp_path, line, status):
    app = answering()
    async with metered(app, tmp_path, store_url) as here:
        answer = await call(here.app, line)

    assert (answer.status, app.seen) == (status, [])


async def test_head_tells_how_long_the_answer_is(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        answer = await call(here.app, "HEAD /credits")

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


async def test_the_path_is_a_setting(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, account_path="/api/balance") as here:
        ours = await call(here.app, "GET /api/balance")
        not_ours = await call(here.app, "GET /credits")

    assert (ours.status, not_ours.status) == (200, 404)
    assert not_ours.json["code"] == "no_price"

"""What an account may ask about itself, through a metered app: every answer, and what is refused."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import jsonschema_rs
import pytest

from meter.credits import parse
from meter.gateway.account import entries
from meter.gateway.account.buckets import TOKENS_MAX, Buckets
from meter.ledger.promise import Status
from meter.policy.model import PeriodUnit
from meter.pricing.terms import Terms
from tests.support.asgi import answering, call
from tests.support.metering import POLICY, metered

RICH = """
version: 1
operations:
  item: {title: Item, credits: 5}
  analysis: {title: Analysis, credits: 100}
  chat:
    title: Chat
    credits: {base: 1, per: {tokens: 0.002}, at_most: 50}
    meters: {tokens: {json: /usage/total_tokens}}
  users: {title: Users, credits: {base: 1, per: {query.limit: 0.01}}}
  health: {free: true}
routes:
  - {match: "/v1/item", operation: item}
  - {match: "POST /v1/analysis", operation: analysis}
  - {match: POST /v1/chat, operation: chat}
  - {match: GET /v1/users, operation: users, when: {query: {limit: "*"}}}
  - {match: GET /health, operation: health}
adjustments:
  - {name: night, time: {from: "02:00", to: "07:00", zone: UTC}, multiply: 0.7}
  - {name: surge, load: {above: 0.9, until: 0.8, dwell: 30s}, multiply: 1.5}
  - {name: commitment, commitment: {100000: 0.8}}
plans:
  small: {included: 1000, period: month}
"""
ALL_DAY = RICH.partition("adjustments:")[0] + "plans:\n  small: {included: 1000, period: month}\n"
"""The same prices at any time, whenever the test runs."""


def exact(answer):
    return json.loads(answer.body, parse_float=Decimal)


async def quoted(app, method, target, **described):
    body = json.dumps({"method": method, "target": target, **described}).encode()
    return await call(app, "POST /credits/quote", body=body)


async def test_every_answer_has_the_shape_that_the_document_gives_it(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, RICH) as here:
        await call(here.app)
        document = (await call(here.app, "GET /credits/openapi.json")).json
        answers = {path: await call(here.app, f"GET /credits{path}") for path in ("", "/usage", "/prices", "/ledger")}
        answers["/quote"] = await quoted(here.app, "POST", "/v1/chat", usage={"tokens": 812})

    for path, answer in answers.items():
        method = "post" if path == "/quote" else "get"
        content = document["paths"][f"/credits{path}"][method]["responses"]["200"]["content"]
        jsonschema_rs.validate(content["application/json"]["schema"], answer.json)
    assert {path: answer.status for path, answer in answers.items()} == dict.fromkeys(answers, 200)


async def test_prices_say_what_makes_them_so_and_when_that_changes(store_url, tmp_path):
    at = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
    async with metered(answering(), tmp_path, store_url, RICH, at=at) as here:
        said = exact(await call(here.app, "GET /credits/prices"))["data"]

    prices = {one["operation"]: one for one in said["operations"]}
    assert {name: one["credits"] for name, one in prices.items()} == {
        "item": 4,
        "analysis": 70,
        "chat": 35,
        "users": None,
        "health": 0,
    }
    assert (prices["chat"]["per"], prices["chat"]["known_before"]) == ({"tokens": Decimal("0.002")}, False)
    night, surge, commitment = said["adjustments"]
    assert (night["applies"], night["multiply"]) == (True, Decimal("0.7"))
    assert [one["from"] for one in night["windows"]][:2] == ["2026-11-25T03:30:00Z", "2026-11-26T02:00:00Z"]
    assert (surge["applies"], commitment["applies"]) == (False, False)
    assert commitment["tiers"] == [{"from": 100000, "multiply": Decimal("0.8")}]


async def test_a_plans_discount_is_in_its_prices_and_quotes(store_url, tmp_path):
    policy = RICH.replace("period: month}", "period: month, discount: 0.9}")
    async with metered(answering(), tmp_path, store_url, policy, at=datetime(2026, 11, 25, 12, tzinfo=UTC)) as here:
        prices = exact(await call(here.app, "GET /credits/prices"))["data"]["operations"]
        quote = exact(await quoted(here.app, "POST", "/v1/analysis"))["data"]
        paid = await call(here.app, "POST /v1/analysis")

    assert {one["operation"]: one["credits"] for one in prices}["analysis"] == 90
    assert quote["credits"] == 90
    assert paid.headers["x-credits-consumed"] == "90"


VERSIONED = """
version: 1
operations: {item: {credits: 5}}
routes: [{match: "/v1/item", operation: item}]
prices:
  - {version: "2027-01", effective_at: 2027-01-01T00:00:00Z, operations: {item: 8}}
  - version: "2028-01"
    effective_at: 2028-01-01T00:00:00Z
    operations: {item: {base: 4, per: {query.limit: 1}, at_most: 9}}
transition: 0.2
plans: {small: {included: 1000, period: month, pin: {version: original, until: 2027-07-01T00:00:00Z}}}
"""


async def test_prices_are_those_of_the_version_that_the_account_pays_by_with_the_next_one(store_url, tmp_path):
    at = datetime(2027, 7, 15, tzinfo=UTC)
    async with metered(answering(), tmp_path, store_url, VERSIONED, at=at) as here:
        [item] = exact(await call(here.app, "GET /credits/prices"))["data"]["operations"]
        quote = (await quoted(here.app, "GET", "/v1/item")).json["data"]

    assert (item["prices"], item["base"], item["credits"], quote["credits"], quote["prices"]) == (
        *("2027-01", 8, 6, 6),
        "2027-01",
    )
    assert (item["next"]["at"], item["next"]["credits"], item["next"]["prices"]) == (
        "2027-08-01T00:00:00Z",
        7,
        "2027-01",
    )
    assert item["factors"][0]["name"] == "transition"


async def test_a_quote_is_what_the_call_then_costs_and_takes_nothing(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, ALL_DAY, at=None) as here:
        told = (await quoted(here.app, "GET", "/v1/item")).json["data"]
        before = await here.books.consumed()
        paid = await call(here.app)

    assert (told["credits"], told["ceiling"], told["affordable"], told["remaining"]) == (5, False, True, 1000)
    assert (before, paid.consumed) == (0, "5")


@pytest.mark.parametrize(
    ("line", "described", "told"),
    [
        ("POST /v1/chat", {}, (50, True)),
        ("POST /v1/chat", {"usage": {"tokens": 1000}}, (3, False)),
        ("POST /v1/chat", {"usage": {"tokens": 1e9}}, (50, False)),
        ("GET /v1/users?limit=300", {}, (4, False)),
        ("GET /health", {}, (0, False)),
    ],
)
async def test_a_price_by_use_is_told_for_the_use_that_is_described(store_url, tmp_path, line, described, told):
    method, _, target = line.partition(" ")
    async with metered(answering(), tmp_path, store_url, ALL_DAY) as here:
        said = (await quoted(here.app, method, target, **described)).json["data"]

    assert (said["credits"], said["ceiling"]) == told


async def test_a_quote_says_what_the_account_cannot_pay(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, POLICY.replace("1000,", "50,")) as here:
        dear = (await quoted(here.app, "POST", "/v1/analysis")).json["data"]
        await here.books.ledger.set_status("acme", Status.SUSPENDED, op="stop")
        suspended = (await quoted(here.app, "GET", "/v1/item")).json["data"]

    assert (dear["credits"], dear["remaining"], dear["affordable"]) == (100, 50, False)
    assert suspended["affordable"] is False


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (b'{"method": "GET"}', 400, "bad_request"),
        (b'{"method": "GET", "target": "v1/item"}', 400, "bad_request"),
        (b'{"method": "GET", "target": "/v1/item", "more": 1}', 400, "bad_request"),
        (b'{"method": "GET", "target": "/v1/item", "usage": {"tokens": 1}}', 400, "bad_request"),
        (b'{"method": "POST", "target": "/v1/chat", "usage": {"tokens": -1}}', 400, "bad_request"),
        (b'{"method": "POST", "target": "/v1/chat", "usage": {"tokens": 1e999999}}', 400, "bad_request"),
        (b'{"method": "POST", "target": "/v1/chat", "usage": {"tokens": "many"}}', 400, "bad_request"),
        (b'{"method": "GET", "target": "/v1/item", "headers": {"\\u1234": "x"}}', 400, "bad_request"),
        (b'{"method": "GET", "target": "/v1/nothing"}', 404, "no_price"),
        (b'{"method": "GET", "target": "/v1/users"}', 404, "no_price"),
        (b'{"method": "GET", "target": "/v1/users?limit=many"}', 400, "ambiguous_path"),
        (b'"' + b"x" * 70_000 + b'"', 413, "body_too_large"),
    ],
)
async def test_what_is_no_request_has_no_quote(store_url, tmp_path, body, status, code):
    async with metered(answering(), tmp_path, store_url, RICH) as here:
        answer = await call(here.app, "POST /credits/quote", body=body)

    assert (answer.status, answer.json["code"]) == (status, code)


async def test_the_ledger_is_read_page_by_page_the_newest_first(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        for _ in range(7):
            await call(here.app)
            await call(here.app, "GET /v1/item", ("X-Account", "other"))
        pages, cursor = [], ""
        while cursor is not None:
            page = (await call(here.app, f"GET /credits/ledger?count=3&cursor={cursor}")).json
            pages.append(page["data"])
            cursor = page["next"]
        written = await here.books.entries()

    read = [entry for page in pages for entry in page]
    assert [entry["op"] for entry in read] == [entry["op"] for entry in reversed(written)]
    assert [len(page) for page in pages][:2] == [3, 3]
    assert (read[0]["kind"], read[0]["credits"], read[0]["change"], read[0]["balance"]) == ("charge", 5, -5, 965)


async def test_a_page_never_looks_at_more_than_so_many_entries(store_url, tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "AT_ONCE", 2)
    monkeypatch.setattr(entries.page, "__kwdefaults__", {"look_at": 4})
    async with metered(answering(), tmp_path, store_url) as here:
        await call(here.app)
        for _ in range(5):
            await call(here.app, "GET /v1/item", ("X-Account", "acme/web"))
        first = (await call(here.app, "GET /credits/ledger")).json
        second = (await call(here.app, f"GET /credits/ledger?cursor={first['next']}")).json

    assert (first["data"], bool(first["next"])) == ([], True)
    assert [entry["kind"] for entry in second["data"]] == ["charge", "open"]


async def test_the_ledger_as_csv_holds_the_same_and_links_to_the_next_page(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        for _ in range(3):
            await call(here.app)
        answer = await call(here.app, "GET /credits/ledger.csv?count=2")
        page = await call(here.app, "GET /credits/ledger?count=2")
        link = answer.headers["link"]
        last = await call(here.app, f"GET {link[1 : link.index('>')]}")

    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert answer.headers["content-type"].startswith("text/csv")
    assert [row["id"] for row in rows] == [entry["id"] for entry in page.json["data"]]
    assert [(row["kind"], row["credits"], row["change"], row["grant"]) for row in rows] == [
        ("charge", "5", "-5", "")
    ] * 2
    assert [row["kind"] for row in csv.DictReader(io.StringIO(last.body.decode()))] == ["charge", "open"]


@pytest.mark.parametrize(
    "query",
    ["count=0", "count=1001", "count=x", "cursor=x", "cursor=1", "more=1", "count=1&count=2", "count=%ff", "x" * 5000],
)
async def test_a_page_that_cannot_be_meant_is_refused(store_url, tmp_path, query):
    async with metered(answering(), tmp_path, store_url) as here:
        answer = await call(here.app, f"GET /credits/ledger?{query}")

    assert (answer.status, answer.json["code"]) == (400, "bad_request")


@pytest.mark.parametrize("path", ["", "/usage", "/prices", "/ledger", "/ledger.csv"])
async def test_all_of_it_is_told_at_a_balance_of_zero_and_unmetered(store_url, tmp_path, path):
    app = answering()
    async with metered(app, tmp_path, store_url, POLICY.replace("1000,", "5,")) as here:
        await call(here.app)
        answer = await call(here.app, f"GET /credits{path}")
        left = await here.books.consumed()

    assert (answer.status, left, len(app.seen), answer.consumed) == (200, 5, 1, None)


@pytest.mark.parametrize("line", ["GET /usage", "GET /prices", "GET /ledger", "GET /ledger.csv", "POST /quote"])
async def test_nobody_is_told_anything(store_url, tmp_path, line):
    method, _, path = line.partition(" ")
    async with metered(answering(), tmp_path, store_url, identify=None) as here:
        answer = await call(here.app, f"{method} /credits{path}")

    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")


async def test_who_asks_too_often_is_told_when_to_ask_again_and_nobody_else_is(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        answers = [await call(here.app, "GET /credits/usage") for _ in range(TOKENS_MAX)]
        other = await call(here.app, "GET /credits/usage", ("X-Account", "other"))

    refused = [answer for answer in answers if answer.status == 429]
    assert (answers[0].status, other.status, bool(refused)) == (200, 200, True)
    assert (refused[0].json["code"], refused[0].json["violated-policies"]) == ("quota_exceeded", ["account-api"])
    assert int(refused[0].headers["retry-after"]) >= 1


def test_a_bucket_is_full_again_when_it_was_said_to_be():
    now = 0.0
    buckets = Buckets(clock=lambda: now)
    taken = [buckets.take("acme", 20) for _ in range(4)]
    now += taken[-1]

    assert taken == [0, 0, 0, 3]
    assert buckets.take("acme", 20) == 0


def test_buckets_are_bounded_in_number():
    buckets = Buckets(accounts_max=3, clock=lambda: 0.0)
    for number in range(10):
        buckets.take(f"a{number}", 1)

    assert len(buckets._buckets) == 3


async def test_the_document_says_where_the_key_goes_and_where_the_app_is_mounted(store_url, tmp_path):
    policy = POLICY + "identity: {header: X-Token, bearer: false}\n"
    async with metered(answering(), tmp_path, store_url, policy, identify=None) as here:
        said = (await call(here.app, "GET /api/credits/openapi.json", root_path="/api")).json

    assert said["openapi"] == "3.1.0"
    assert said["servers"] == [{"url": "/api"}]
    assert "/credits/usage" in said["paths"]
    assert said["components"]["securitySchemes"] == {"key": {"type": "apiKey", "in": "header", "name": "x-token"}}


@pytest.mark.parametrize("anonymous", [False, True])
async def test_the_document_says_whether_a_key_is_needed(store_url, tmp_path, anonymous):
    rule = "{header: X-Token, bearer: false" + (", anonymous: {plan: small}}" if anonymous else "}")
    async with metered(answering(), tmp_path, store_url, f"{POLICY}identity: {rule}\n", identify=None) as here:
        said = (await call(here.app, "GET /credits/openapi.json")).json

    assert said["paths"]["/credits"]["get"]["security"] == [{"key": []}, *([{}] if anonymous else [])]


async def test_a_member_is_told_what_its_payer_has(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url) as here:
        await here.books.open("acme", Terms(plan="small", included=parse("1000"), period=PeriodUnit.MONTH))
        await here.books.open("acme/web", Terms(plan="", included=parse("0"), period=PeriodUnit.NONE, payer="acme"))
        paid = await call(here.app, "GET /v1/item", ("X-Account", "acme/web"))
        said = (await call(here.app, "GET /credits", ("X-Account", "acme/web"))).json["data"]

    assert paid.json["meta"]["credits_remaining"] == said["remaining"] == 995
    assert (said["account"], said["payer"], said["plan"]) == ("acme/web", "acme", "small")

"""The operator's API: accounts, keys, grants and holds; each change once, and in the ledger with its actor."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import jsonschema_rs
import pytest

from meter.ledger.holding import HoldTerms, OnExpiry
from meter.ledger.promise import Done
from meter.policy.versions import Pin
from tests.ledger.books import order
from tests.support.asgi import answering, call
from tests.support.metering import POLICY, TOKEN, metered

OPERATOR = ("Authorization", f"Bearer {TOKEN}")
ALICE = ("Meter-Actor", "alice")

PLANS = POLICY + "  large: {included: 5000, period: month, commitment: 100000}\n"


@pytest.fixture
async def here(store_url, tmp_path):
    async with metered(answering(), tmp_path, store_url, PLANS, operator_token=TOKEN, identify=None) as running:
        yield running


async def asked(here, line, body=None, *headers):
    method, _, path = line.partition(" ")
    written = b"" if body is None else json.dumps(body).encode()
    return await call(here.app, f"{method} /_meter{path}", OPERATOR, *headers, body=written)


async def opened(here, account="acme", plan="small", **more):
    return await asked(here, "POST /accounts", {"account": account, "plan": plan, **more})


async def test_an_account_is_opened_once(here):
    first, second = await opened(here), await opened(here)

    assert (first.status, second.status) == (201, 200)
    assert [first.json["data"][name] for name in ("account", "plan", "granted", "status")] == [
        "acme",
        "small",
        1000,
        "active",
    ]
    assert await here.books.kinds() == ["open"]


@pytest.mark.parametrize(
    "terms",
    [{"plan": "large"}, {"plan": "small", "commitment": 5}, {"plan": "small", "zone": "Europe/Berlin"}],
    ids=["plan", "commitment", "zone"],
)
async def test_an_account_is_not_opened_again_on_other_terms(here, terms):
    await opened(here)
    answer = await asked(here, "POST /accounts", {"account": "acme", **terms})

    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert await here.books.kinds() == ["open"]


@pytest.mark.parametrize(
    "body",
    [
        {"account": "acme"},
        {"plan": "small"},
        {"account": "a b", "plan": "small"},
        {"account": "acme\n", "plan": "small"},
        {"account": "a/b/c/d/e", "plan": "small"},
        {"account": "acme", "plan": "smal"},
        {"account": "acme", "plan": "small", "zone": "Mars/North"},
        {"account": "acme", "plan": "small", "zone": "../../etc/passwd"},
        {"account": "acme", "plan": "small", "commitment": "100"},
        {"account": "acme", "plan": "small", "commitment": -1},
        {"account": "acme", "plan": "small", "commitment": 1e300},
        {"account": "acme", "plan": "small", "commitment": 0.00000001},
        {"account": "acme", "plan": "small", "more": 1},
        {"account": 1, "plan": "small"},
        [],
    ],
)
async def test_what_is_no_account_is_not_opened(here, body):
    answer = await asked(here, "POST /accounts", body)

    assert (answer.status, answer.json["code"]) == (400, "bad_request")


async def test_an_account_with_parts_is_one_segment_of_the_path(here):
    await opened(here, "acme/web")
    answer = await call(here.app, "GET /_meter/accounts/acme/web", OPERATOR, raw_path=b"/_meter/accounts/acme%2Fweb")
    keys = await call(here.app, "GET /_meter/accounts/acme/keys", OPERATOR, raw_path=b"/_meter/accounts/acme%2Fkeys")

    assert (answer.status, answer.json["data"]["account"]) == (200, "acme/web")
    assert (keys.status, "acme/keys" in keys.json["detail"]) == (404, True)


async def test_an_account_has_the_day_on_which_it_signed_up(here):
    """A plan that it is on later may count its periods from that day."""
    await opened(here)
    ledger = here.books.ledger
    signed_up = (await ledger.find_account("acme")).terms.signed_up
    await asked(here, "PUT /accounts/acme/terms", {"plan": "large"})

    assert signed_up == datetime.fromtimestamp(ledger.now(), UTC).date()
    assert (await ledger.find_account("acme")).terms.signed_up == signed_up


async def test_a_plan_is_changed_at_once_with_its_share_of_the_period(here):
    await opened(here)
    wanted = {"plan": "large", "when": "now"}
    tried = await asked(here, "PUT /accounts/acme/plan", {**wanted, "dry_run": True})
    before = (await asked(here, "GET /accounts/acme")).json["data"]
    made, again = [await asked(here, "PUT /accounts/acme/plan", wanted) for _ in range(2)]
    after = (await asked(here, "GET /accounts/acme")).json["data"]
    said = made.json["data"]

    assert tried.json["data"] == {**said, "dry_run": True}
    assert (before["plan"], after["plan"]) == ("small", "large")
    assert (said["changes"], again.json["data"]["changes"]) == (True, False)
    assert after["granted"] == pytest.approx(before["granted"] + said["given"] - said["taken_back"])


async def test_a_plan_can_wait_for_the_end_of_the_period(here):
    await opened(here)
    made = (await asked(here, "PUT /accounts/acme/plan", {"plan": "large"})).json["data"]
    after = (await asked(here, "GET /accounts/acme")).json["data"]

    assert (made["changes"], made["at"], after["plan"]) == (True, after["period"]["end"], "small")


@pytest.mark.parametrize(
    ("account", "body", "status"),
    [
        ("nobody", {"plan": "large"}, 404),
        ("acme", {"plan": "none"}, 400),
        ("acme", {"plan": "large", "when": "later"}, 400),
    ],
)
async def test_a_change_of_plan_that_cannot_be_changes_nothing(here, account, body, status):
    await opened(here)
    answer = await asked(here, f"PUT /accounts/{account}/plan", body)

    assert (answer.status, await here.books.kinds()) == (status, ["open"])


async def test_other_terms_leave_an_account_pinned(here):
    await opened(here)
    account = await here.books.ledger.find_account("acme")
    await here.books.ledger.pin(account, Pin(version="2026-07", until=datetime(2027, 7, 1, tzinfo=UTC)))
    answer = await asked(here, "PUT /accounts/acme/terms", {"plan": "large"})

    assert (answer.json["data"]["plan"], answer.json["data"]["pin"]) == (
        "large",
        {"version": "2026-07", "until": "2027-07-01T00:00:00Z"},
    )


async def test_terms_are_set_with_their_commitment_and_zone(here):
    await opened(here)
    terms = {"plan": "large", "commitment": 0.5, "zone": "Europe/Berlin"}
    answers = [await asked(here, "PUT /accounts/acme/terms", terms) for _ in range(2)]
    found = await here.books.ledger.find_account("acme")

    assert [answer.status for answer in answers] == [200, 200]
    assert (found.terms.plan, found.terms.commitment, found.terms.zone) == ("large", 500_000, "Europe/Berlin")
    assert await here.books.kinds() == ["open", "terms"]


async def test_a_suspended_account_is_resumed_and_a_repetition_is_no_second_change(here):
    await opened(here)
    changes = ("suspend", "suspend", "resume", "resume")
    states = [(await asked(here, f"POST /accounts/acme/{change}")).json["data"]["status"] for change in changes]

    assert states == ["suspended", "suspended", "active", "active"]
    assert await here.books.kinds() == ["open", "status", "status"]


async def test_accounts_are_listed_page_by_page(here):
    names = [f"a{number}" for number in range(5)]
    for name in names:
        await opened(here, name)
    found, cursor = [], ""
    while cursor is not None:
        page = (await asked(here, f"GET /accounts?count=2&cursor={cursor}")).json
        found += [one["account"] for one in page["data"]]
        cursor = page["next"]

    assert sorted(found) == names


async def test_a_key_is_shown_once_and_pays_until_it_is_revoked(here):
    await opened(here)
    made = (await asked(here, "POST /accounts/acme/keys", {"expires_at": "2999-01-01T00:00:00Z"})).json["data"]
    listed = await asked(here, "GET /accounts/acme/keys")
    paid = await call(here.app, "GET /v1/item", ("X-API-Key", made["key"]))
    gone = [await asked(here, f"DELETE /accounts/acme/keys/{made['id']}") for _ in range(2)]
    refused = await call(here.app, "GET /v1/item", ("X-API-Key", made["key"]))

    assert made["key"] not in listed.body.decode()
    assert [key["hint"] for key in listed.json["data"]] == [made["hint"]]
    assert (paid.status, refused.status) == (200, 401)
    assert [(answer.status, answer.json["data"]["revoked"]) for answer in gone] == [(200, True)] * 2


async def test_a_key_is_revoked_by_its_own_account_alone(here):
    await opened(here)
    await opened(here, "other")
    made = (await asked(here, "POST /accounts/acme/keys", {})).json["data"]
    answer = await asked(here, f"DELETE /accounts/other/keys/{made['id']}")

    assert answer.status == 404
    assert (await call(here.app, "GET /v1/item", ("X-API-Key", made["key"]))).status == 200


async def test_the_same_grant_posted_100_times_at_once_is_one_grant(here):
    await opened(here)
    body = {"id": "order-7", "credits": 500}
    answers = await asyncio.gather(*(asked(here, "POST /accounts/acme/grants", body) for _ in range(100)))
    kinds = await here.books.kinds()

    assert sorted(answer.status for answer in answers) == [200] * 99 + [201]
    assert {answer.json["data"]["remaining"] for answer in answers} == {1500}
    assert kinds == ["open", "grant"]


async def test_a_grant_says_what_it_is_for(here):
    await opened(here)
    facts = {
        "id": "promo",
        "credits": 0.5,
        "kind": "promo",
        "priority": 7,
        "expires_at": "2999-01-01T00:00:00+02:00",
        "scope": ["item", "analysis"],
        "cost_basis": 0.002,
        "note": "für dich",
    }
    given = await asked(here, "POST /accounts/acme/grants", facts)
    listed = (await asked(here, "GET /accounts/acme/grants")).json["data"]

    assert given.status == 201
    told = {name: listed[0][name] for name in facts}
    assert told == {**facts, "expires_at": "2998-12-31T22:00:00Z", "scope": ["analysis", "item"]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "order-7", "credits": 501}, 409),
        ({"id": "order-7", "credits": 500, "note": "another"}, 409),
        ({"id": "late", "credits": 1, "expires_at": "2001-01-01T00:00:00Z"}, 409),
        ({"id": "much", "credits": 9007199254}, 409),
        ({"id": "none", "credits": 0}, 400),
        ({"id": "period:1", "credits": 1}, 400),
        ({"id": "a b", "credits": 1}, 400),
        ({"id": "x\n", "credits": 1}, 400),
        ({"id": "x", "credits": "1"}, 400),
        ({"id": "x", "credits": 1, "priority": 101}, 400),
        ({"id": "x", "credits": 1, "expires_at": "2999-01-01T00:00:00"}, 400),
        ({"id": "x", "credits": 1, "expires_at": "9999-12-31T23:59:59-23:59"}, 400),
        ({"id": "x", "credits": 1, "expires_at": "1960-01-01T00:00:00Z"}, 400),
        ({"id": "x", "credits": 1, "scope": ["a,b"]}, 400),
        ({"id": "x", "credits": 1, "scope": ["x"] * 21}, 400),
        ({"id": "x", "credits": 1, "note": "x" * 201}, 400),
        ({"id": "x", "credits": 1, "kind": "gift"}, 400),
    ],
)
async def test_a_grant_that_cannot_be_leaves_the_books_alone(here, body, status):
    await opened(here)
    await asked(here, "POST /accounts/acme/grants", {"id": "order-7", "credits": 500})
    answer = await asked(here, "POST /accounts/acme/grants", body)

    assert answer.status == status
    assert await here.books.kinds() == ["open", "grant"]


async def test_the_longest_grant_fits_its_entry(here):
    await opened(here)
    scope = [f"{number:02}" + "s" * 62 for number in range(20)]
    body = {"id": "x" * 64, "credits": 1, "note": "\U0001f600" * 200, "scope": scope}
    answer = await asked(here, "POST /accounts/acme/grants", body)
    listed = await asked(here, "GET /accounts/acme/grants")

    assert answer.status == 201
    assert listed.json["data"][0]["note"] == body["note"]


async def test_a_grant_is_taken_back_once(here):
    await opened(here)
    await asked(here, "POST /accounts/acme/grants", {"id": "order-7", "credits": 500})
    answers = [await asked(here, "DELETE /accounts/acme/grants/order-7") for _ in range(2)]
    never = await asked(here, "DELETE /accounts/acme/grants/order-8")

    assert [answer.json["data"]["credits"] for answer in answers] == [500, 0]
    assert [answer.json["data"]["revoked"] for answer in answers] == [True, False]
    assert never.status == 404
    assert await here.books.kinds() == ["open", "grant", "revoke"]


async def test_holds_are_listed_of_all_and_of_one(here):
    ledger = here.books.ledger
    for name in ("acme", "acme/web", "other"):
        await opened(here, name)
        account = await ledger.find_account(name)
        held = await ledger.hold(order(ledger, account, 5_000_000, "item"), HoldTerms(on_expiry=OnExpiry.RELEASE))
        assert isinstance(held, Done)
    all_of_them = (await asked(here, "GET /holds")).json["data"]
    some = (await asked(here, "GET /holds?count=2")).json["data"]
    of_one = (await asked(here, "GET /holds?account=acme")).json["data"]

    assert sorted(hold["account"] for hold in all_of_them) == ["acme", "acme/web", "other"]
    assert len(some) == 2
    assert [(hold["account"], hold["credits"], hold["operation"]) for hold in of_one] == [("acme", 5, "item")]


async def test_accounts_are_exported_as_lines_that_can_be_imported(here):
    for name in ("acme", "other"):
        await opened(here, name)
    await asked(here, "POST /accounts/acme/grants", {"id": "g1", "credits": 2.5, "scope": ["item"]})
    first = await asked(here, "GET /export?count=1")
    link = first.headers["link"]
    second = await call(here.app, f"GET {link[1 : link.index('>')]}", OPERATOR)
    lines = [json.loads(line, parse_float=Decimal) for line in (first.body + second.body).splitlines()]

    assert [line["account"] for line in sorted(lines, key=lambda one: one["account"])] == ["acme", "other"]
    (grants,) = (line["grants"] for line in lines if line["account"] == "acme")
    assert [(grant["id"], grant["credits"], grant["scope"]) for grant in grants] == [("g1", Decimal("2.5"), ["item"])]


async def test_every_change_is_in_the_ledger_with_its_actor(here):
    await asked(here, "POST /accounts", {"account": "acme", "plan": "small"}, ALICE)
    await asked(here, "POST /accounts/acme/grants", {"id": "g1", "credits": 1}, ALICE)
    await asked(here, "DELETE /accounts/acme/grants/g1", None, ALICE)
    await asked(here, "PUT /accounts/acme/terms", {"plan": "large"}, ALICE)
    await asked(here, "POST /accounts/acme/suspend", None, ALICE)
    made = (await asked(here, "POST /accounts/acme/keys", {}, ALICE)).json["data"]
    await asked(here, f"DELETE /accounts/acme/keys/{made['id']}", None, ALICE)
    await asked(here, "POST /accounts/acme/resume")
    entries = (await asked(here, "GET /accounts/acme/ledger")).json["data"]

    assert [entry["kind"] for entry in reversed(entries)] == [
        *("open", "grant", "revoke", "terms", "status", "key", "key_revoked", "status")
    ]
    assert [entry["actor"] for entry in reversed(entries)] == ["api:alice"] * 7 + ["api"]


@pytest.mark.parametrize("name", ["", "a b", '"', "x" * 41, "@x"])
async def test_an_actor_that_is_no_name_changes_nothing(here, name):
    answer = await asked(here, "POST /accounts", {"account": "acme", "plan": "small"}, ("Meter-Actor", name))

    assert (answer.status, answer.json["code"]) == (400, "bad_request")
    assert await here.books.ledger.find_account("acme") is None


@pytest.mark.parametrize(
    "line",
    [
        "GET /accounts/nobody",
        "PUT /accounts/nobody/terms",
        "POST /accounts/nobody/suspend",
        "POST /accounts/nobody/resume",
        "GET /accounts/nobody/keys",
        "POST /accounts/nobody/keys",
        "DELETE /accounts/nobody/keys/" + "a" * 64,
        "GET /accounts/nobody/grants",
        "POST /accounts/nobody/grants",
        "DELETE /accounts/nobody/grants/x",
        "GET /accounts/nobody/ledger",
    ],
)
async def test_nothing_becomes_of_an_account_that_is_not_there(here, line):
    body = {"terms": {"plan": "small"}, "keys": {}, "grants": {"id": "g", "credits": 1}}
    answer = await asked(here, line, body.get(line.rpartition("/")[2]))

    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert await here.books.ledger.find_account("nobody") is None


@pytest.mark.parametrize("path", ["/accounts", "/nothing", "/openapi.json", "/export", "", "/"])
@pytest.mark.parametrize("header", [[], [("Authorization", "Bearer wrong")], [("X-API-Key", TOKEN)]], ids=str)
async def test_without_the_token_nothing_is_told_not_even_what_is_there(here, path, header):
    answer = await call(here.app, f"GET /_meter{path}", *header)

    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("line", ["GET /accounts", "POST /accounts", "GET /openapi.json"])
async def test_without_a_token_set_there_is_no_api(store_url, tmp_path, line):
    method, _, path = line.partition(" ")
    async with metered(answering(), tmp_path, store_url) as running:
        answer = await call(running.app, f"{method} /_meter{path}", OPERATOR)

    assert answer.status == 404


async def test_every_answer_has_the_shape_that_the_document_gives_it(here):
    document = (await asked(here, "GET /openapi.json")).json
    await opened(here)
    lines = {
        "GET /accounts": None,
        "POST /accounts": {"account": "acme", "plan": "small"},
        "GET /accounts/{account}": None,
        "PUT /accounts/{account}/terms": {"plan": "small"},
        "POST /accounts/{account}/suspend": None,
        "GET /accounts/{account}/ledger": None,
        "POST /accounts/{account}/keys": {},
        "GET /accounts/{account}/keys": None,
        "POST /accounts/{account}/grants": {"id": "g1", "credits": 1},
        "GET /accounts/{account}/grants": None,
        "DELETE /accounts/{account}/grants/{grant}": None,
        "GET /holds": None,
    }
    for line, body in lines.items():
        answer = await asked(here, line.format(account="acme", grant="g1"), body)
        method, _, path = line.partition(" ")
        said = document["paths"][f"/_meter{path}"][method.lower()]["responses"][str(answer.status)]
        assert answer.status < 300, answer.json
        jsonschema_rs.validate(said["content"]["application/json"]["schema"], answer.json)


async def test_the_operators_tokens_are_no_accounts_keys(here):
    await opened(here)

    assert (await call(here.app, "GET /credits", OPERATOR)).status == 401

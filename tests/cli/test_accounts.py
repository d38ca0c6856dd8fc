"""Accounts, keys, grants and balances, on a real store."""

import json
import re
from decimal import Decimal

import pytest
import redis

pytestmark = pytest.mark.usefixtures("policies", "store")


@pytest.fixture
def store(store_url, monkeypatch):
    """The store that commands find by themselves."""
    monkeypatch.setenv("METER_REDIS", store_url)


@pytest.fixture
def acme(meter):
    """An account on the plan ``free``."""
    meter("account", "create", "acme", "--plan", "free", "--json")
    return "acme"


def test_a_new_account_has_its_plans_credits_at_once(meter):
    ended = meter("account", "create", "acme", "--plan", "pro", "--commitment", "1000000", "--json")
    opened = ended.json()

    assert (ended.code, ended.talk) == (0, "")
    assert (opened["created"], opened["account"], opened["plan"], opened["status"]) == (True, "acme", "pro", "active")
    assert (opened["granted"], opened["remaining"], opened["commitment"]) == (250000, 250000, 1000000)


def test_an_account_can_be_created_again_on_the_same_plan(meter, acme):
    ended = meter("account", "create", acme, "--plan", "free", "--json")

    assert ended.code == 0
    assert (ended.json()["created"], ended.json()["remaining"]) == (False, 1000)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--plan", "pro"], id="another plan"),
        pytest.param(["--plan", "free", "--commitment", "5"], id="another commitment"),
    ],
)
def test_an_account_is_not_created_again_on_other_terms(meter, acme, options):
    ended = meter("account", "create", acme, *options)

    assert (ended.code, ended.data) == (1, "")
    assert ended.talk == (
        "Account 'acme' exists already, on plan 'free' with a commitment of 0; nothing was changed.\n"
    )
    assert meter("account", "show", acme, "--json").json()["plan"] == "free"


def test_a_plan_that_does_not_exist_opens_nothing(meter):
    ended = meter("account", "create", "acme", "--plan", "fre")

    assert (ended.code, ended.talk) == (1, "The policy has no plan 'fre'; did you mean 'free'?\n")
    assert meter("account", "show", "acme").code == 1


def test_a_name_that_no_account_can_have_is_usage(meter):
    ended = meter("account", "create", "a b", "--plan", "free")

    assert ended.code == 2
    assert "'a b' can't name an account" in ended.talk


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["account", "show", "nobody"], id="show"),
        pytest.param(["account", "suspend", "nobody"], id="suspend"),
        pytest.param(["key", "create", "nobody"], id="key create"),
        pytest.param(["key", "list", "nobody"], id="key list"),
        pytest.param(["grant", "nobody", "5", "--id", "g"], id="grant"),
        pytest.param(["balance", "nobody"], id="balance"),
    ],
)
def test_an_account_that_does_not_exist_is_named_with_the_fix(meter, arguments):
    ended = meter(*arguments)

    assert (ended.code, ended.data) == (1, "")
    assert ended.talk == ("There is no account 'nobody'; open it with: meter account create nobody --plan PLAN\n")


def test_accounts_are_listed_page_by_page(meter):
    names = {f"customer-{number}" for number in range(5)}
    for name in sorted(names):
        meter("account", "create", name, "--plan", "free")
    seen, cursor = [], ""
    while True:
        page = meter("account", "list", "--count", "2", "--cursor", cursor, "--json").json()
        seen += [one["account"] for one in page["accounts"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert sorted(seen) == sorted(names)


def test_accounts_are_listed_for_people(meter, acme):
    told = meter("account", "list").data

    assert [line.split() for line in told.splitlines() if "acme" in line] == [
        ["acme", "free", "active", "1000", "0", "1000"]
    ]


def test_an_account_is_suspended_and_resumed(meter, acme):
    suspended = meter("account", "suspend", acme, "--json")
    state = meter("account", "show", acme, "--json").json()["status"]
    resumed = meter("account", "resume", acme)

    assert suspended.json() == {"account": "acme", "status": "suspended"}
    assert state == "suspended"
    assert resumed.data == "Account 'acme' is active.\n"
    assert meter("account", "show", acme, "--json").json()["status"] == "active"


def test_a_key_is_printed_once_and_listed_by_its_hint_alone(meter, acme):
    made = meter("key", "create", acme, "--json").json()
    listed = meter("key", "list", acme, "--json")

    assert made.keys() == {"account", "key"}
    assert re.fullmatch(r"mk_[0-9a-f]{3}[0-9A-Za-z]{49}", made["key"])
    assert [one["hint"] for one in listed.json()["keys"]] == [made["key"][:10]]
    assert made["key"] not in listed.data + listed.talk


def test_a_key_for_people_leaves_standard_output_to_the_key(meter, acme):
    made = meter("key", "create", acme)

    assert re.fullmatch(r"mk_\w+\n", made.data)
    assert "cannot be shown again" in made.talk


def test_a_key_can_expire(meter, acme):
    meter("key", "create", acme, "--expires", "2099-01-01T00:00:00Z")

    assert meter("key", "list", acme, "--json").json()["keys"][0]["expires_at"] == "2099-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda key: [key], id="by the key"),
        pytest.param(lambda key: [key[:10], "--account", "acme"], id="by its hint"),
    ],
)
def test_a_key_is_revoked(meter, acme, written):
    key = meter("key", "create", acme, "--json").json()["key"]
    revoked = meter("key", "revoke", *written(key), "--json")
    again = meter("key", "revoke", *written(key), "--json")

    assert revoked.json() == {"hint": key[:10], "revoked": True}
    assert (again.code, again.json()["revoked"]) == (0, False)
    assert meter("key", "list", acme, "--json").json()["keys"][0]["revoked"] is True


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["mk_abc"], "give a hint together with --account ACCOUNT", id="a hint of nobody's"),
        pytest.param(["mk_abc", "--account", "acme"], "has no key with the hint", id="a hint of no key"),
    ],
)
def test_a_key_that_cannot_be_told_is_not_revoked(meter, acme, arguments, sentence):
    ended = meter("key", "revoke", *arguments)

    assert ended.code == 1
    assert sentence in ended.talk


def test_a_key_of_another_store_is_unknown(meter, acme):
    from meter.ledger.api_keys import new_key

    ended = meter("key", "revoke", new_key(1))

    assert ended.code == 1
    assert "No account has the key mk_001" in ended.talk


def test_a_grant_adds_credits_once(meter, acme):
    arguments = ("grant", acme, "0.5", "--id", "order-1", "--note", "thanks", "--json")
    first, second = meter(*arguments).json(), meter(*arguments).json()

    assert first == {
        "account": "acme",
        "id": "order-1",
        "kind": "purchased",
        "credits": Decimal("0.5"),
        "granted": True,
        "remaining": Decimal("1000.5"),
    }
    assert second == {**first, "granted": False}


def test_a_grants_id_cannot_mean_another_grant(meter, acme):
    meter("grant", acme, "5", "--id", "order-1")
    ended = meter("grant", acme, "6", "--id", "order-1")

    assert (ended.code, ended.data) == (1, "")
    assert "order-1" in ended.talk
    assert meter("balance", acme, "--json").json()["data"]["remaining"] == 1005


@pytest.mark.parametrize("amount", ["nan", "inf", "1e3", "0.0000001", "99999999999", "five"])
def test_what_is_no_amount_is_not_granted(meter, acme, amount):
    ended = meter("grant", acme, amount, "--id", "order-1")

    assert (ended.code, ended.data) == (2, "")
    assert amount in ended.talk


def test_nothing_is_no_grant(meter, acme):
    assert meter("grant", acme, "0", "--id", "order-1").code == 2


def test_a_grant_keeps_its_kind_priority_and_expiry(meter, acme):
    meter("grant", acme, "5", "--id", "gift", "--kind", "promo", "--priority", "1", "--expires", "2099-01-01T00:00:00Z")
    grants = meter("balance", acme, "--json").json()["data"]["grants"]

    assert grants[0] == {
        "id": "gift",
        "kind": "promo",
        "remaining": 5,
        "priority": 1,
        "expires_at": "2099-01-01T00:00:00Z",
    }


def test_a_balance_is_the_object_of_the_http_api(meter, acme):
    ended = meter("balance", acme, "--json")
    shown = ended.json()["data"]

    assert json.loads(ended.data).keys() == {"data"}
    assert list(shown) == [
        "account", "plan", "included", "granted", "consumed", "reserved", "remaining", "overage", "period", "grants",
        "as_of",
    ]  # fmt: skip
    assert shown["granted"] == shown["consumed"] + shown["reserved"] + shown["remaining"] == 1000


def test_a_balance_for_people_shows_its_grants(meter, acme):
    told = meter("balance", acme).data

    assert told.startswith("Account 'acme' is active. Plan: free; resets ")
    assert "included" in told
    assert max(map(len, told.splitlines())) <= 80


def test_a_period_that_is_over_is_renewed_before_it_is_shown(meter, acme, store_url):
    with redis.Redis.from_url(store_url) as client:
        account = next(iter(client.scan_iter("*:account:acme")))
        client.hset(account, mapping={"start": "1700000000", "end": "1702592000"})
    shown = meter("balance", acme, "--json").json()["data"]

    assert shown["period"]["end"] > shown["as_of"]


def test_a_budget_is_set_shown_and_removed(meter, acme):
    written = meter("key", "create", acme).data.strip()
    meter("budget", "set", acme, "--period", "500", "--minute", "0.5")
    meter("budget", "set", acme, "--day", "20", "--key", written[:10])
    levels = meter("budget", "show", acme, "--json").json()["levels"]
    table = meter("budget", "show", acme).data
    removed = meter("budget", "remove", acme)

    assert [(one["level"], one["period"], one["minute"], one["day"]) for one in levels] == [
        ("acme", 500, Decimal("0.5"), None),
        (f"key {written[:10]}… of acme", None, None, 20),
    ]
    assert levels[0]["spent"]["day"] == {"since": None, "credits": 0}
    assert written[:10] in table
    assert removed.data == "acme: no limit.\n"
    assert len(meter("budget", "show", acme, "--json").json()["levels"]) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["set", "acme"], id="no limit"),
        pytest.param(["set", "nobody", "--day", "5"], id="no account"),
        pytest.param(["set", "acme", "--day", "5", "--key", "mk_000nope"], id="no key"),
    ],
)
def test_a_budget_that_is_none_is_refused(meter, acme, arguments):
    ended = meter("budget", *arguments)

    assert ended.code == 1
    assert ended.talk


def test_what_is_left_of_a_grant_is_taken_back_once(meter, acme):
    meter("grant", acme, "500", "--id", "order-7")
    first, again = (meter("revoke", acme, "--id", "order-7", "--json").json() for _ in range(2))

    assert (first["credits"], first["revoked"]) == (500, True)
    assert (again["credits"], again["revoked"]) == (0, False)
    assert meter("balance", acme, "--json").json()["data"]["remaining"] == 1000


def test_a_grant_that_never_was_is_not_taken_back(meter, acme):
    ended = meter("revoke", acme, "--id", "order-7")

    assert (ended.code, ended.data) == (1, "")
    assert "never had a grant 'order-7'" in ended.talk


def test_a_member_is_opened_below_the_account_that_pays(meter, acme):
    team = meter("account", "member", "acme/team", "--json")
    web = meter("account", "member", "acme/team/web", "--json")
    again = meter("account", "member", "acme/team/web", "--json")
    shown = meter("account", "show", "acme/team")

    assert team.json() == {"created": True, "account": "acme/team", "payer": "acme"}
    assert web.json() == {"created": True, "account": "acme/team/web", "payer": "acme"}
    assert again.json()["created"] is False
    assert "acme pays" in shown.data


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["acme"], id="a root"),
        pytest.param(["globex/team"], id="nobody above"),
        pytest.param(["acme/team", "--payer", "nobody"], id="nobody pays"),
        pytest.param(["acme/team/web", "--payer", "acme/team"], id="is opened on another payer"),
    ],
)
def test_a_member_needs_an_account_above_that_pays(meter, acme, arguments):
    meter("account", "create", "acme/team", "--plan", "free")
    meter("account", "member", "acme/team/web", "--payer", "acme")
    ended = meter("account", "member", *arguments)

    assert ended.code == 1
    assert ended.talk


def test_a_key_is_made_for_some_operations_with_a_budget_and_rotated(meter, acme):
    first = meter("key", "create", acme, "--operations", "chat,image.*", "--budget", "50").data.strip()
    second = meter("key", "rotate", first, "--overlap", "0s", "--json").json()
    third = meter("key", "rotate", second["key"][:10], "--account", acme)
    listed = meter("key", "list", acme, "--json").json()["keys"]
    levels = meter("budget", "show", acme, "--json").json()["levels"]
    again = meter("key", "rotate", first)

    assert second["account"] == acme
    assert third.code == 0
    assert {tuple(one["operations"]) for one in listed} == {("chat", "image.*")}
    assert len([one for one in listed if one["expires_at"]]) == 2
    assert [one["period"] for one in levels] == [50]
    assert (again.code, "has expired" in again.talk) == (1, True)


@pytest.mark.parametrize("overlap", ["1", "h", "-1h", "1w", "1.5h"])
def test_an_overlap_is_a_span_of_time(meter, acme, overlap):
    ended = meter("key", "rotate", "mk_000abcd", "--account", acme, "--overlap", overlap)

    assert ended.code == 2

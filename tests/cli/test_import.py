"""``import`` and ``export``: many accounts, a line each; a bad line is named, nothing of it is applied, the rest is."""

import csv
import json

import pytest

pytestmark = pytest.mark.usefixtures("policies", "store")


@pytest.fixture
def store(store_url, monkeypatch):
    monkeypatch.setenv("METER_REDIS", store_url)


@pytest.fixture
def written(tmp_path):
    def write(text, name="accounts.jsonl"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(file)

    return write


def lines(*accounts):
    return "".join(json.dumps(one) + "\n" for one in accounts)


def standing(meter, account):
    return meter("account", "show", account, "--json").json()


ACME = {
    "account": "acme",
    "plan": "pro",
    "commitment": 0.5,
    "zone": "Europe/Berlin",
    "grants": [
        {"id": "order-1", "credits": 500, "note": "paid"},
        {"id": "promo-1", "credits": 0.25, "kind": "promo", "expires_at": "2999-01-01T00:00:00Z", "scope": ["chat"]},
    ],
}


def test_accounts_are_opened_with_their_grants(meter, written):
    ended = meter("import", written(lines(ACME, {"account": "other", "plan": "free", "status": "suspended"})), "--json")

    assert (ended.code, ended.talk) == (0, "")
    assert [ended.json()[name] for name in ("lines", "opened", "granted", "bad")] == [2, 2, 2, []]
    assert standing(meter, "acme")["remaining"] == meter("balance", "acme", "--json").json()["data"]["granted"]
    assert float(standing(meter, "acme")["remaining"]) == 250_500.25
    assert standing(meter, "other")["status"] == "suspended"


def test_importing_again_changes_nothing(meter, written):
    file = written(lines(ACME, {"account": "other", "plan": "free", "status": "suspended"}))
    meter("import", file)
    before = [standing(meter, name) for name in ("acme", "other")]
    ended = meter("import", file, "--json")
    after = [standing(meter, name) for name in ("acme", "other")]

    assert [ended.json()[name] for name in ("opened", "there", "granted", "granted_before")] == [0, 2, 0, 2]
    assert [one["granted"] for one in before] == [one["granted"] for one in after]


def test_a_dry_run_says_what_would_become_of_each_line_and_changes_nothing(meter, written):
    other = {**ACME, "grants": [{"id": "order-1", "credits": 501}]}
    file = written(lines(ACME, ACME, other))
    ended = meter("import", file, "--dry-run", "--json")
    told = ended.json()

    assert ended.code == 1
    assert [told[name] for name in ("lines", "opened", "there", "granted", "granted_before")] == [3, 1, 1, 2, 2]
    assert [(one["line"], one["value"]) for one in told["bad"]] == [(3, "order-1")]
    assert meter("account", "show", "acme").code == 1


BAD = [
    ("{", "{", "no line of JSON"),
    ("[]", "[]", "Expected `object`, got `array`"),
    (lines({"plan": "pro"}), '{"plan":"pro"}', "missing required field `account`"),
    (lines({"account": "a b", "plan": "pro"}), '"a b"', "account: "),
    (lines({"account": "bad", "plan": "pr"}), None, "no plan 'pr'; did you mean 'pro'?"),
    (lines({"account": "bad", "plan": "pro", "zone": "Mars"}), None, "'Mars' is no zone"),
    (lines({"account": "bad", "plan": "pro", "commitment": "much"}), None, "much"),
    (lines({"account": "bad", "plan": "pro", "more": 1}), '{"account":"bad"', "unknown field `more`"),
    (lines({**ACME, "account": "bad", "grants": [{"id": "x", "credits": 1, "priority": 999}]}), "999", "priority"),
    (lines({"account": "bad", "plan": "pro", "grants": [{"id": "x", "credits": 0}]}), None, "0 credits are nothing"),
    (lines({"account": "bad", "plan": "pro", "grants": [{"id": "x", "credits": 1}] * 2}), "x", "two grants"),
    (lines({**ACME, "account": "bad", "grants": [{"id": "x", "credits": 1, "expires_at": "soon"}]}), '"soon"', ""),
    (
        lines({"account": "bad", "plan": "pro", "grants": [
            {"id": "fine", "credits": 1}, {"id": "x", "credits": 1, "expires_at": "2001-01-01T00:00:00Z"}]}),
        "x", "expired",
    ),
    (
        lines({"account": "bad", "plan": "pro", "grants": [{"id": f"g{n}", "credits": 9007199254} for n in range(2)]}),
        "bad", "more than an amount can be",
    ),
    (b'{"account": "bad", "plan": "\xff"}\n', '{"account": "bad"', "no line of JSON"),
    ('{"account": "bad", "plan": "' + "x" * 70_000 + '"}\n', '{"account": "bad"', "longer than"),
    ("[" * 10_000 + "\n", "[[[", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "value", "reason"), BAD, ids=range(len(BAD)))
def test_a_bad_line_is_named_nothing_of_it_is_applied_and_the_rest_is(meter, written, line, value, reason):
    line = line if isinstance(line, bytes) else line.encode()
    file = written(
        lines(ACME).encode() + line.rstrip(b"\n") + b"\n" + lines({"account": "last", "plan": "free"}).encode()
    )
    ended = meter("import", file)

    assert ended.code == 1
    assert ended.data == ("3 lines: 2 accounts opened, 0 there before; 2 grants given, 0 given before; 1 bad.\n")
    (told,) = ended.talk.splitlines()
    assert told.startswith(f"{file}:2: ")
    assert reason in told
    assert value is None or value in told
    assert meter("account", "show", "bad").code == 1
    assert meter("account", "show", "last").code == 0


def test_a_line_for_an_account_that_is_open_is_applied_wholly_or_not_at_all(meter, written):
    meter("import", written(lines(ACME)))
    bad = [
        {**ACME, "plan": "free"},
        {**ACME, "grants": [{"id": "fresh", "credits": 1}, {"id": "order-1", "credits": 7}]},
        {
            **ACME,
            "grants": [{"id": "fresh", "credits": 1}, {"id": "x", "credits": 1, "expires_at": "2001-01-01T00:00:00Z"}],
        },
        {**ACME, "grants": [{"id": f"fresh{number}", "credits": 9_000_000_000} for number in range(2)]},
    ]
    before = standing(meter, "acme")
    ended = meter("import", written(lines(*bad)), "--json")

    assert ended.code == 1
    assert sorted(one["line"] for one in ended.json()["bad"]) == [1, 2, 3, 4]
    assert standing(meter, "acme")["grants"] == before["grants"]


def test_an_account_has_room_for_so_many_grants_and_a_line_that_has_more_gives_none(meter, written):
    def some(first, count):
        return {**ACME, "grants": [{"id": f"g{number}", "credits": 1} for number in range(first, first + count)]}

    ended = meter("import", written(lines(some(0, 60), some(60, 4), some(70, 3))), "--json")

    assert [one["line"] for one in ended.json()["bad"]] == [2]
    assert len(standing(meter, "acme")["grants"]) == 64


CSV = """account,plan,zone,grant,credits,expires_at,scope,note
acme,pro,Europe/Berlin,order-1,500,,,"two
lines"
acme,pro,Europe/Berlin,promo-1,0.25,2999-01-01T00:00:00Z,chat other,
bad,pro,,x,1O0,,,
worse,pro,,x
other,free,,,,,,
"""


def test_csv_is_read_a_grant_a_line(meter, written):
    file = written(CSV, "accounts.csv")
    ended = meter("import", file)
    grants = {one["id"]: one["remaining"] for one in standing(meter, "acme")["grants"]}

    assert ended.code == 1
    assert [line.split(": ")[0] for line in ended.talk.splitlines()] == [f"{file}:5", f"{file}:6"]
    assert "1O0" in ended.talk
    assert (grants["order-1"], float(grants["promo-1"])) == (500, 0.25)
    assert ended.data.startswith("5 lines: 2 accounts opened, 1 there before; 2 grants given")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acount,plan\n", "'acount'"),
        ("account,account,plan\n", "'account'"),
        ("account\n", "account and plan"),
        ("", "account and plan"),
    ],
)
def test_a_table_without_the_right_head_is_refused(meter, written, text, said):
    ended = meter("import", written(text, "accounts.csv"))

    assert (ended.code, ended.data) == (1, "")
    assert said in ended.talk


@pytest.mark.parametrize("odd", [b"\xff,pro\n", b'"a"b,pro\n', b"\x00,pro\n", '"' + "x" * 200_000 + '",pro\n'])
def test_an_odd_line_of_csv_is_one_bad_line(meter, written, odd):
    odd = odd if isinstance(odd, bytes) else odd.encode()
    ended = meter("import", written(b"\xef\xbb\xbfaccount,plan\n" + odd + b"acme,pro\n", "accounts.csv"))

    assert ended.code == 1
    assert ended.data.startswith("2 lines: 1 account opened")


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_what_is_exported_can_be_imported_elsewhere(meter, written, tmp_path, store_url, name):
    import redis

    meter("import", written(lines(ACME, {"account": "other", "plan": "free", "status": "suspended"})))
    ended = meter("export", str(tmp_path / name))
    before = [standing(meter, one) for one in ("acme", "other")]
    with redis.Redis.from_url(store_url) as client:
        client.flushall()
    again = meter("import", str(tmp_path / name))
    after = [standing(meter, one) for one in ("acme", "other")]

    assert (ended.code, ended.talk, again.code) == (0, "2 accounts exported.\n", 0)
    for one in (*before, *after):
        del one["as_of"]
    assert after == before


def test_lines_can_be_read_on(meter, written):
    meter("import", written(lines(ACME)))
    (line,) = meter("export").data.splitlines()

    assert json.loads(line)["account"] == "acme"


def test_a_table_has_a_line_a_grant(meter, written, tmp_path):
    meter("import", written(lines(ACME, {"account": "other", "plan": "free"})))
    meter("export", str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open(newline="") as opened:
        rows = [(row["account"], row["grant"], row["credits"], row["scope"]) for row in csv.DictReader(opened)]

    assert sorted(rows) == [("acme", "order-1", "500", ""), ("acme", "promo-1", "0.25", "chat"), ("other", "", "", "")]


def test_a_file_that_is_not_there_is_a_mistake_of_the_command(meter, tmp_path):
    assert meter("import", str(tmp_path / "none.csv")).code == 2


def test_without_a_store_nothing_is_imported(meter, written, monkeypatch):
    monkeypatch.setenv("METER_REDIS", "unix:///nonexistent/meter.sock")
    ended = meter("import", written(lines(ACME)))

    assert (ended.code, ended.data) == (3, "")


def test_what_a_command_changes_says_who_typed_it(meter, written, store_url):
    import asyncio

    from tests.support.metering import books

    meter("import", written(lines(ACME)))

    async def actors():
        async with books(store_url) as looking:
            return {entry.get("actor", "").partition(":")[0] for entry in await looking.entries("acme")}

    assert asyncio.run(actors()) == {"cli"}

"""Calls from ledger files, tables and access logs: each charge once, net, and nothing dropped in silence."""

import json
from fractions import Fraction

import duckdb
import pytest

from meter.archive.files import Archive
from meter.credits import Credits
from meter.economics.traffic import Call
from meter.policy.compile import Source, compile_policy
from meter.sheets.call_columns import traffic
from meter.sheets.calls import calls
from meter.sheets.left_out import LeftOut
from meter.sheets.rows import SheetError

TEN = 1_793_527_200
"""2026-11-01T10:00:00Z."""
POLICY = compile_policy(
    [
        Source(
            file="api.yaml",
            text="""\
version: 1
operations:
  image.analyse: {title: AI analysis, credits: 100}
  users.list: {title: List, credits: {base: 1, per: {query.limit: 0.01}, at_most: 100}}
routes:
  - {match: "POST /v1/images/{id}/analysis", operation: image.analyse}
  - {match: GET /v1/users, operation: users.list}
""",
        )
    ]
)
QUOTE = {
    "operation": "chat",
    "policy": "0",
    "moment": "2026-11-01T10:00:00Z",
    "base": "1000000",
    "usage": [["tokens", "812", "1/3"], ["query.limit", None, "1"]],
    "factors": [["surge", "3/2"], ["outcome 5xx", "1/2"]],
    "load": {"on": ["surge"], "sample": "0.95", "since": 1},
    "commitment": "100000000000",
}
TERMS = {"plan": "pro", "included": 250_000_000_000, "period": "month"}


def entry(kind, op="", **members):
    made = {"kind": kind, "account": "acme", "op": op, "delta": "0", "after": "0", "at": TEN + 30, "period": 0}
    return json.dumps({**made, "operation": "chat", **members})


def exported(tmp_path, *entries, shard=17, first=1):
    with Archive(tmp_path / "archive").claimed():
        numbered = [(f"{number}-0", text) for number, text in enumerate(entries, start=first)]
        return Archive(tmp_path / "archive").write(shard, numbered)


def written(tmp_path, text, name="calls.csv"):
    file = tmp_path / name
    file.write_text(text)
    return file


def test_a_charge_is_one_call_net_of_what_came_back_later(tmp_path):
    exported(
        tmp_path,
        entry("open", terms=TERMS),
        entry("charge", "a", amount="10000000", taken="x=4000000,y=4000000", overage="2000000"),
        entry("charge", "b", amount="7000000", taken="y=7000000", overage="0"),
    )
    exported(tmp_path, entry("refund", "r", of="a", amount="5000000", to="y=3000000"), first=9)

    first, second = calls([tmp_path / "archive"])

    assert (first.credits, first.charged, first.overage) == (5_000_000, Fraction(1, 2), 0)
    assert first.lots == (("x", 4_000_000), ("y", 1_000_000))
    assert (second.credits, second.plan, second.terms.included) == (7_000_000, "pro", 250_000_000_000)


def test_files_of_one_ledger_are_read_together_each_once_however_they_are_named(tmp_path):
    grant = entry("grant", "g", amount="9", grant="x", facts={"kind": "promo"})
    refund = exported(tmp_path, entry("refund", "r", of="a", amount="4"), grant, first=100)
    charge = exported(tmp_path, entry("charge", "a", amount="10"), first=20)
    begin = exported(tmp_path, entry("open", terms=TERMS), first=3)

    for paths in ([refund, charge, begin], [refund, charge, begin, tmp_path / "archive", charge]):
        (call,) = calls(paths)

        assert (call.credits, call.plan) == (6, "pro")
        assert traffic(paths).micro.tolist() == [6]


def test_the_record_of_its_price_says_under_which_conditions_it_was_called(tmp_path):
    file = exported(tmp_path, entry("settle", "a", amount="5", taken="x=5", held="9", quote=QUOTE, at=TEN + 700))

    (call,) = calls([file])

    assert call.usage == {"tokens": 812}
    assert (call.load, call.commitment) == (frozenset({"surge"}), 100_000_000_000)
    assert call.charged == Fraction(1, 2)
    assert TEN <= call.at < TEN + 60


@pytest.mark.parametrize(
    ("entries", "cost"),
    [
        pytest.param([entry("late", "a", amount="3")], [3], id="late"),
        pytest.param([entry("post", "a", amount="3")], [3], id="posted to a lease"),
        pytest.param([entry("observed", "a", amount="3")], [0], id="observed, so it cost nothing"),
        pytest.param([entry("expire_hold", "a", amount="3", by="settle")], [3], id="killed, and charged"),
        pytest.param([entry("hold", "a", amount="3"), entry("settle", "a", amount="2")], [2], id="a hold is no call"),
        pytest.param([entry("hold", "a", amount="3"), entry("release", "a", amount="0")], [], id="released"),
        pytest.param(
            [entry("expire_hold", "a", amount="0", by="release"), entry("late", "a", amount="2")], [2], id="late hold"
        ),
        pytest.param([entry("charge", "a", amount="3"), entry("void", "v", of="a", amount="3")], [], id="voided"),
        pytest.param([entry("charge", "a", amount="3"), entry("refund", "v", of="a", amount="3")], [0], id="refunded"),
        pytest.param([entry("grant", "g", amount="3", grant="x"), entry("lease", "l", amount="3")], [], id="no call"),
    ],
)
def test_every_kind_of_entry_counts_as_it_should(tmp_path, entries, cost):
    exported(tmp_path, *entries)

    assert [call.credits for call in calls([tmp_path / "archive"])] == cost


def test_a_table_is_read_in_order_of_time(tmp_path):
    file = written(
        tmp_path,
        "at,account,operation,credits,plan,commitment,load,cost,charged,usage.tokens,note\n"
        "2026-11-01T11:00:00+01:00,acme,chat,0.5,pro,100000,surge night,0.0002,0.5,812,x\n"
        f"{TEN - 1},acme,chat,3,,,,,,,\n",
    )

    assert list(calls([file])) == [
        Call(at=TEN - 1, account="acme", operation="chat", credits=Credits(3_000_000)),
        Call(
            at=TEN,
            account="acme",
            operation="chat",
            credits=Credits(500_000),
            plan="pro",
            commitment=Credits(100_000_000_000),
            load=frozenset({"surge", "night"}),
            usage={"tokens": Fraction(812)},
            charged=Fraction(1, 2),
            cost=Fraction(2, 10_000),
        ),
    ]


def test_tables_of_all_kinds_say_the_same(tmp_path):
    csv = written(tmp_path, f"at,account,operation,credits\n{TEN},acme,chat,2.5\n")
    lines = written(tmp_path, f'{{"at":{TEN},"account":"acme","operation":"chat","credits":2.5}}\n', "calls.jsonl")
    parquet = tmp_path / "calls.parquet"
    with duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT to_timestamp({TEN}) AS at, 'acme' AS account, 'chat' AS operation, 2.5 AS credits) "
            f"TO '{parquet}' (FORMAT parquet)"
        )

    assert list(calls([csv])) == list(calls([lines])) == list(calls([parquet]))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        pytest.param("1,acme,chat,-5", "2: credits: -5 is less than 0; correct it.", id="negative credits"),
        pytest.param("1,acme,chat,0.0000001", "2: credits: 0.0000001 has more than six decimals", id="too fine"),
        pytest.param("1,acme,chat,9007199255", "2: credits: 9007199255000000 micro-credits is out", id="too many"),
        pytest.param("1,acme,chat,many", "2: credits: 'many' is not a number", id="no number"),
        pytest.param("tomorrow,acme,chat,1", "2: at: 'tomorrow' is no moment; write it with its", id="no moment"),
        pytest.param("2026-11-01T10:00:00,acme,chat,1", "2: at: '2026-11-01T10:00:00' is no moment", id="no offset"),
        pytest.param("2026-13-01T10:00:00Z,acme,chat,1", "2: at: '2026-13-01T10:00:00Z' is no", id="no such month"),
        pytest.param("99999999999999,acme,chat,1", "2: at: '99999999999999' is not between 1970", id="milliseconds"),
        pytest.param("32503680000,acme,chat,1", "2: at: '32503680000' is not between 1970 and 2999", id="too late"),
        pytest.param("9999-12-31T23:59:59Z,acme,chat,1", "2: at: '9999-12-31T23:59:59Z' is not between", id="no end"),
        pytest.param("1,,chat,1", "2: there is no column 'account'", id="nobody"),
    ],
)
def test_a_bad_cell_is_named(tmp_path, row, sentence):
    file = written(tmp_path, f"at,account,operation,credits\n{row}\n")

    with pytest.raises(SheetError) as refused:
        list(calls([file]))

    assert str(refused.value).startswith(f"{file}:{sentence}")


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        pytest.param("at,account,credits\n1,a,1\n", "c.csv", "2: there is no column 'operation'", id="missing column"),
        pytest.param("at,account,operation,credits\n", "c.csv", " there is no call in it", id="empty"),
        pytest.param("", "access.log", " an access log needs a policy", id="log without a policy"),
        pytest.param("", "17_1-0-2-0.jsonl.gz", "{file} does not hold", id="torn export"),
        pytest.param("", "export.jsonl.gz", " it has no name of an exported", id="no export"),
        pytest.param(
            "at,account,operation,credits,cost\n1,a,b,1,-2\n", "c.csv", "2: cost: -2 is less than 0", id="negative cost"
        ),
        pytest.param(
            "at,account,operation,credits,charged\n1,a,b,1,2\n", "c.csv", "2: charged: 2 is more than 1", id="share"
        ),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_name(tmp_path, text, name, sentence):
    file = written(tmp_path, text, name)

    with pytest.raises(SheetError) as refused:
        list(calls([file]))

    expected = sentence.format(file=file) if "{file}" in sentence else f"{file}:{sentence}"
    assert str(refused.value).startswith(expected)


LOG = """\
203.0.113.7 - acme [01/Nov/2026:11:00:00 +0100] "POST /v1/images/7/analysis HTTP/1.1" 200 512
203.0.113.7 - - [01/Nov/2026:10:00:01 +0000] "GET /v1/users?limit=50 HTTP/2.0" 503 - "-" "curl/8"
not a line
203.0.113.7 - - [31/Nov/2026:10:00:01 +0000] "GET /v1/users HTTP/1.1" 200 1
203.0.113.7 - - [01/Nov/2026:10:00:02 +0000] "GET /nowhere HTTP/1.1" 404 1
203.0.113.7 - - [01/Nov/2026:10:00:02 +0000] "GET /v1//users HTTP/1.1" 200 1
"""


def test_a_line_of_an_access_log_is_a_call_of_what_its_route_says(tmp_path):
    left_out = LeftOut()
    first, second = calls([written(tmp_path, LOG, "access.log")], policy=POLICY, left_out=left_out)

    assert (first.at, first.account, first.operation, first.charged) == (TEN, "acme", "image.analyse", 1)
    assert first.usage == {"response_bytes": 512}
    assert (second.account, second.operation, second.charged) == ("203.0.113.7", "users.list", 0)
    assert second.usage == {"query.limit": 50, "response_bytes": 0}


def test_every_line_that_is_no_call_is_counted_and_the_first_are_named(tmp_path):
    file, left_out = written(tmp_path, LOG + "broken\n" * 10, "access.log"), LeftOut()
    list(calls([file], policy=POLICY, left_out=left_out))

    assert (left_out.count, len(left_out.first)) == (14, 5)
    assert left_out.first[:3] == [
        f"{file}:3: 'not a line' is no line of the common log format; correct or delete it.",
        f"{file}:4: '31/Nov/2026:10:00:01 +0000' is no date; write it as 10/Oct/2026:13:55:36 +0000.",
        f"{file}:5: no route of the policy matches GET '/nowhere'; give it one.",
    ]
    assert left_out.first[3].startswith(f"{file}:6: '/v1//users' has no one price: The path has no single form")


def test_a_line_that_is_no_call_is_refused_where_nobody_counts(tmp_path):
    with pytest.raises(SheetError, match="'not a line' is no line"):
        list(calls([written(tmp_path, LOG, "access.log")], policy=POLICY))


def test_a_log_may_begin_with_a_mark_and_end_lines_as_on_windows_and_no_date_is_beyond_calendars(tmp_path):
    line = '10.0.0.1 - - [01/Nov/{}:10:00:00 +0000] "POST /v1/images/7/analysis HTTP/1.1" 200 5\r\n'
    log = written(tmp_path, "\ufeff" + line.format(2026) + line.format(9999) + line.format(1969), "access.log")
    left_out = LeftOut()

    (call,) = calls([log], policy=POLICY, left_out=left_out)

    assert call.account == "10.0.0.1"
    assert [sentence.partition(": ")[2] for sentence in left_out.first] == [
        f"'01/Nov/{year}:10:00:00 +0000' is not between 1970 and 2999; correct it." for year in (9999, 1969)
    ]

"""``meter simulate``: a diff of what calls cost, guardrails with exit codes, and a sentence for whatever is wrong."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.support import audited

SHIPPED = Path(__file__).resolve().parents[3] / "policies"

CANDIDATE = """\
version: 1
operations:
  a: {title: A, credits: 10}
  b: {title: B, credits: 50}
  list: {title: List, credits: {base: 1, per: {query.limit: 0.5}}}
routes:
  - {match: POST /v1/b, operation: b}
  - {match: GET /v1/list, operation: list, when: {query: {limit: "*"}}}
adjustments:
  - {name: night, time: {from: "22:00", to: "06:00", zone: UTC}, multiply: 0.5}
plans:
  pro: {included: 100, period: month, price: 29, currency: USD, overage: {limit: 1000, price_per_thousand: 10}}
"""
PRESENT = CANDIDATE.replace("credits: 50", "credits: 10").replace("multiply: 0.5", "multiply: 1")
CALLS = """\
at,account,operation,credits,plan,charged,cost
2026-11-02T10:00:00Z,acme,a,10,pro,1,0.01
2026-11-02T10:01:00Z,globex,b,10,pro,1,0.05
2026-11-02T10:02:00Z,globex,b,10,pro,1,0.05
2026-11-02T23:00:00Z,globex,b,10,pro,1,0.05
2026-11-03T10:00:00Z,globex,b,0,pro,0,0.05
"""


@pytest.fixture
def simulate(meter, tmp_path):
    """Simulate the candidate over some calls."""
    (tmp_path / "new.yaml").write_text(CANDIDATE)

    def run(*options, calls=CALLS, name="calls.csv"):
        (tmp_path / name).write_text(calls)
        return meter("simulate", "--against", str(tmp_path / "new.yaml"), str(tmp_path / name), *options)

    return run


def test_a_change_is_shown_as_a_diff(simulate):
    ended = simulate()

    assert ended.code == 0
    assert " ~   b           4       30    125   +316.7 %   7.5 → 31.25 " in ended.data
    assert " ~   globex     4       30    125   +316.7 %" in ended.data
    assert "worst +316.7 % (globex)" in ended.data
    assert "globex is at zero at 2026-11-02T10:02:00Z, of 100; before, it was never." in ended.data


def test_markdown_is_for_a_pull_request(simulate):
    ended = simulate("--format", "markdown", "--price", "0.001")

    assert "| ~ | b | 4 | 30 | 125 | +316.7 % | 7.5 → 31.25 | -566.7 % → -60.0 % |" in ended.data.splitlines()


def test_scripts_get_exact_numbers(simulate):
    said = simulate("--json", "--price", "0.001").json()

    assert said["calls"] == 5
    assert said["credits"] == {"change": "~", "calls": 5, "old": 40, "new": 135, "rise": Decimal("2.375")}
    assert said["revenue"] == {"old": Decimal("0.04"), "new": Decimal("0.135")}
    assert said["cost"] == {"old": Decimal("0.21"), "new": Decimal("0.21")}
    assert said["operations"][0]["margin"] == {"old": Decimal("-5.66666666667"), "new": Decimal("-0.6")}
    assert said["levels"] == {"old": 1, "new": 3}
    assert [(one["operation"], one["change"], one["new"]) for one in said["operations"]] == [
        ("b", "~", 125),
        ("a", " ", 10),
    ]
    assert [one["at"] for one in said["at_zero"]] == ["2026-11-02T10:02:00Z"]


def test_both_engines_print_the_same(simulate):
    assert simulate("--json", "--engine", "stateful").data == simulate("--json").data


def test_the_old_side_can_be_priced_by_the_present_policy(simulate, tmp_path):
    (tmp_path / "old.yaml").write_text(PRESENT)
    said = simulate("--json", "--policies", str(tmp_path / "old.yaml"), calls=CALLS.replace(",10,pro", ",7,pro")).json()

    assert (said["credits"]["old"], said["credits"]["new"]) == (40, 135)


def test_plans_say_what_comes_in_where_no_price_does(simulate):
    """Two accounts in the share of November that the traffic covers, and 25 credits beyond what is included."""
    said = simulate("--json").json()
    covered = Decimal(86401) / (30 * 86400)

    assert said["revenue"]["new"] == pytest.approx(2 * 29 * covered + Decimal("0.25"), abs=Decimal("1e-9"))


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        pytest.param(("--max-bill-rise", "400%"), 0, "", id="within"),
        pytest.param(
            ("--max-bill-rise", "20%"), 1, "The bill of globex rises by 316.7 %; at most 20.0 % is allowed.", id="bill"
        ),
        pytest.param(("--max-bill-rise", "0.2"), 1, "at most 20.0 % is allowed.", id="a share"),
        pytest.param(
            ("--min-margin", "0.5", "--price", "0.001"), 1, "The margin is -55.6 %, below 50.0 %.", id="margin"
        ),
        pytest.param(("--min-margin", "0.5", "--price", "1"), 0, "", id="margin holds"),
        pytest.param(("--min-margin", "half"), 2, "'half' is not a number", id="no share"),
        pytest.param(("--since", "yesterday"), 2, "'yesterday' is no moment", id="no moment"),
        pytest.param(("--since", "2027-01-01T00:00:00Z"), 1, "There is no call in the traffic", id="empty window"),
    ],
)
def test_guardrails_and_options_end_as_scripts_expect(simulate, options, code, sentence):
    ended = simulate(*options)

    assert ended.code == code
    assert sentence in " ".join(ended.talk.replace("│", " ").split())


def test_a_customer_who_paid_nothing_rises_beyond_every_limit(simulate):
    ended = simulate("--max-bill-rise", "1000000", calls=CALLS.replace(",acme,a,10,", ",acme,a,0,"))

    assert ended.code == 1
    assert "The bill of acme rises from nothing; at most" in ended.talk


@pytest.mark.parametrize(
    ("calls", "options", "sentence"),
    [
        pytest.param(CALLS.replace("operation", "op"), (), "calls.csv:2: there is no column 'operation'", id="column"),
        pytest.param(CALLS.replace(",b,10,", ",b,-10,", 1), (), "calls.csv:3: credits: -10 is less", id="negative"),
        pytest.param(CALLS.replace(",0.05", ",-0.05"), (), "calls.csv:3: cost: -0.05 is less than 0", id="cost"),
        pytest.param(CALLS.replace("2026-11-03T", "2026-11-33T"), (), "calls.csv:6: at: '2026-11-33T10", id="date"),
        pytest.param(
            CALLS.replace(",pro,", ",,"),
            ("--min-margin", "0.5"),
            "There is no price, so there is no margin",
            id="price",
        ),
        pytest.param(
            CALLS.replace("cost\n", "note\n"),
            ("--min-margin", "0.5"),
            "There is no cost, so there is no margin",
            id="costs",
        ),
        pytest.param(
            CALLS.replace(",a,", ",list,"), (), "list is priced by query.limit, which the traffic does", id="usage"
        ),
    ],
)
def test_bad_input_is_named_with_its_fix(simulate, calls, options, sentence):
    ended = simulate(*options, calls=calls)

    assert (ended.code, ended.data) == (1, "")
    assert sentence in ended.talk


def test_a_cost_that_stands_twice_is_refused(simulate, tmp_path):
    (tmp_path / "costs.csv").write_text("operation,cost\na,1\nb,2\na,3\n")

    ended = simulate("--costs", str(tmp_path / "costs.csv"), "--price", "0.1")

    assert ended.code == 1
    assert ended.talk.endswith("costs.csv:4: operation: a stands twice; keep one row.\n")


@pytest.mark.parametrize("engine", ["stateful", "vectorised"])
def test_each_period_is_paid_by_the_plan_that_held_in_it(simulate, tmp_path, engine):
    large = "  large: {included: 1000, period: month, price: 3000, currency: USD}\n"
    (tmp_path / "new.yaml").write_text(CANDIDATE + large)
    calls = (
        "at,account,operation,credits,plan\n"
        "2026-10-01T00:00:00Z,acme,a,10,pro\n"
        "2026-11-01T00:00:00Z,acme,a,10,large\n"
        "2026-11-30T23:59:59Z,acme,a,10,large\n"
    )

    ended = simulate("--json", "--engine", engine, calls=calls)

    assert ended.json()["revenue"]["new"] == 29 + 3000


def test_an_operation_without_a_cost_is_named(simulate, tmp_path):
    (tmp_path / "costs.csv").write_text("operation,cost\na,0.01\n")
    ended = simulate("--price", "0.001", "--costs", str(tmp_path / "costs.csv"))

    assert ended.code == 1
    assert "There is no cost of b: add a row for each to the costs" in ended.talk


def test_a_zone_that_is_none_is_refused_with_its_place(simulate, tmp_path):
    (tmp_path / "bad.yaml").write_text(CANDIDATE.replace("zone: UTC", "zone: Europe/Berln"))
    ended = simulate("--policies", str(tmp_path / "bad.yaml"))

    assert ended.code == 1
    assert "bad.yaml:10:" in ended.talk
    assert "'Europe/Berln' is not a time zone; did you mean 'Europe/Berlin'?" in ended.talk


def test_an_operation_that_the_candidate_does_not_have_costs_nothing_and_is_named(simulate):
    ended = simulate("--json", calls=CALLS.replace(",a,", ",gone,"))

    assert "The candidate has no gone (1 call): 1 call cost nothing by it" in ended.talk
    assert ended.json()["unknown"] == [{"operation": "gone", "calls": 1, "old": 10}]
    assert [one["change"] for one in ended.json()["operations"]] == ["~", "-"]


LOG = """\
203.0.113.7 - globex [02/Nov/2026:10:00:00 +0000] "POST /v1/b HTTP/1.1" 200 512
203.0.113.7 - - [02/Nov/2026:10:00:00 +0000] "GET /v1/list?limit=20 HTTP/1.1" 200 512
nonsense
"""


def test_an_access_log_is_traffic_too_and_what_is_left_out_is_said(simulate, tmp_path):
    (tmp_path / "old.yaml").write_text(PRESENT)
    ended = simulate("--json", "--policies", str(tmp_path / "old.yaml"), calls=LOG, name="access.log")

    assert "1 line left out; the first of them:" in ended.talk
    assert "access.log:3: 'nonsense' is no line of the common log format" in ended.talk
    assert [
        (one["name" if "name" in one else "account"], one["old"], one["new"]) for one in ended.json()["customers"]
    ] == [
        ("globex", 10, 50),
        ("203.0.113.7", 11, 11),
    ]


def test_what_the_numbers_do_not_say_is_told(simulate, tmp_path):
    surge = "  - {name: surge, load: {above: 0.9, until: 0.8, dwell: 30s}, multiply: 1.5}\nplans:\n"
    (tmp_path / "new.yaml").write_text(CANDIDATE.replace("plans:\n", surge))
    ended = simulate(calls=CALLS.replace(",pro,", ",team,"))

    assert "The candidate has no plan team: nothing is included in it" in ended.talk
    assert "The traffic never says that surge was on" in ended.talk


def test_parquet_says_what_its_csv_says(simulate, meter, tmp_path):
    by_csv = simulate("--json")
    path = tmp_path / "calls.parquet"
    with duckdb.connect() as database:
        database.execute(f"COPY (SELECT * FROM '{tmp_path / 'calls.csv'}') TO '{path}' (FORMAT parquet)")

    assert meter("simulate", "--against", str(tmp_path / "new.yaml"), str(path), "--json").json() == by_csv.json()


def test_the_ledger_replayed_under_the_policy_that_charged_it_changes_nothing(
    meter, store_url, tmp_path, monkeypatch, policies
):
    """A call at a busy night by an account with a commitment, and one that failed and was given back."""
    monkeypatch.setenv("METER_REDIS", store_url)
    monkeypatch.setenv("METER_DATA", str(tmp_path / "data"))
    (policies / "api.yaml").write_text((SHIPPED / "image-api.yaml").read_text())
    monkeypatch.setattr(audited, "TERMS", replace(audited.TERMS, committed=True))
    asyncio.run(audited.lived(store_url))
    meter("ledger", "export", "--to", str(tmp_path / "out"))
    said = meter("simulate", "--against", str(policies), str(tmp_path / "out"), "--json").json()

    assert [(one["operation"], one["calls"], one["old"], one["new"]) for one in said["operations"]] == [
        ("image.analyse", 1, 63, 63),
        ("image.cutout", 1, 0, 0),
    ]

"""``margins``: what it prints, what it refuses, and how it ends."""

import sqlite3
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from meter.economics.margins.worth import LotKind
from meter.sheets.lots import lots
from tests.sheets.test_calls import TERMS, entry, exported

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "economics"
HEAD = "at,account,operation,credits,cost\n"


@pytest.fixture
def table(tmp_path):
    """Write a table of calls: (operation, credits, costs), a call a minute."""

    def write(*operations):
        file = tmp_path / "calls.csv"
        rows = [(name, price, cost) for name, price, costs in operations for cost in costs]
        lines = (f"{60 * at},acme,{name},{price},{cost}" for at, (name, price, cost) in enumerate(rows))
        file.write_text(HEAD + "\n".join(lines) + "\n")
        return str(file)

    return write


def test_an_operation_that_is_surely_below_the_floor_ends_with_1_and_stands_first(meter, table):
    random = np.random.default_rng(1)
    below = [f"{cost:.7f}" for cost in random.exponential(0.0055, 1500)]
    file = table(("fine", 10, ["0.001"] * 200), ("below", 10, below))

    ended = meter("margins", file, "--price", "0.001", "--json")
    first, second = ended.json()["groups"]

    assert ended.code == 1
    assert (first["operation"], first["verdict"]) == ("below", "confirmed")
    assert first["lower"] < first["margin"] < first["upper"] < 0.5
    assert first["p_adjusted"] <= 0.05
    assert (second["operation"], second["verdict"], second["margin"]) == ("fine", "fine", Fraction(9, 10))


def test_what_is_fine_ends_with_0(meter, table):
    ended = meter("margins", table(("chat", 10, ["0.001"] * 200)), "--price", "0.001")

    assert ended.code == 0
    assert "90.0 %" in ended.data
    assert ended.talk == "0 confirmed, 0 suspect, 0 watch, 1 fine.\n"


def test_a_free_call_with_a_cost_is_first_though_there_is_one_alone(meter, table):
    ended = meter("margins", table(("dear", 10, ["0.05"]), ("free", 0, ["0.0002"])), "--price", "0.001", "--json")
    first, second = ended.json()["groups"]

    assert ended.code == 1
    assert (first["operation"], first["margin"], first["verdict"]) == ("free", "-inf", "confirmed")
    assert (second["margin"], second["verdict"], second["more_calls"]) == (-4, "watch", 99)


def test_sums_are_exact(meter, table):
    total = meter("margins", table(("a", "0.1", ["0.1", "0.2"])), "--price", "0.3", "--json").json()["total"]

    assert {name: str(value) for name, value in total.items()} == {
        "calls": "2", "revenue": "0.06", "cost": "0.3", "margin": "-4",
    }  # fmt: skip


def test_revenue_is_what_was_paid_for_the_lots_that_paid(meter, tmp_path, policies):
    pro = {**TERMS, "plan": "pro"}
    facts = {"kind": "promo", "note": ""}
    exported(
        tmp_path,
        entry("open", "o", grant="period:1", amount="5", end=2, terms=pro),
        entry("grant", "g", grant="spring", amount="5", cost="0", facts=facts),
        entry("charge", "a", amount="250000000", taken="period:1=250000000"),
        entry("charge", "b", amount="250000000", taken="spring=250000000"),
    )
    costs = tmp_path / "costs.csv"
    costs.write_text("operation,cost\nchat,0.01\n")

    ended = meter("margins", str(tmp_path / "archive"), "--costs", str(costs), "--by", "operation,plan", "--json")
    (group,) = ended.json()["groups"]

    assert (group["plan"], group["credits"], group["calls"]) == ("pro", 500, 2)
    assert (str(group["revenue"]), str(group["cost"])) == ("0.099", "0.02")
    assert ended.talk == "Of 2 calls 2 have the cost of the table: bounds know nothing of its spread.\n"


def test_lots_are_read_from_what_the_ledger_really_exports(meter, store_url, policies, monkeypatch, tmp_path):
    monkeypatch.setenv("METER_REDIS", store_url)
    monkeypatch.setenv("METER_DATA", str(tmp_path / "data"))
    meter("account", "create", "acme", "--plan", "pro")
    meter("grant", "acme", "5", "--id", "spring", "--kind", "promo")
    meter("ledger", "export", "--to", str(tmp_path / "out"))

    found = {name: lot for (_, name), lot in lots([tmp_path / "out"]).items()}
    (included,) = (lot for name, lot in found.items() if name.startswith("period:"))

    assert found["spring"].kind is LotKind.PROMO
    assert (included.kind, included.plan, included.included) == (LotKind.INCLUDED, "pro", 250_000_000_000)


def test_a_policy_that_is_named_shows_its_arbitrage_with_the_costs_of_the_calls(meter, table, policies):
    file = table(("image.analyse", 100, ["0.03"] * 100))

    ended = meter("margins", file, "--policies", str(policies), "--price", "0.001")

    assert "corner: image.analyse costs 0.03 a call" in ended.data
    assert ended.code == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("at,account,operation\n1,a,b\n", "there is no column 'credits'", id="missing column"),
        pytest.param(HEAD + "1,a,b,1,-5\n", "calls.csv:2: cost: -5 is less than 0", id="negative cost"),
        pytest.param(HEAD, "there is no call in it", id="no call"),
        pytest.param(HEAD + "1,a,b,1,\n", "Nobody knows what a call of b cost (that of a at 1970-01-01", id="no cost"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_sentence(meter, tmp_path, text, sentence):
    (tmp_path / "calls.csv").write_text(text)

    ended = meter("margins", str(tmp_path / "calls.csv"), "--price", "1")

    assert (ended.code, ended.data) == (1, "")
    assert sentence in ended.talk


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("operation,price\nb,1\n", "costs.csv:1: there is no column 'cost'"),
        ("operation,cost\nb,-1\n", "costs.csv:2: cost: -1 is less than 0"),
        ("operation,cost\nb,1\nb,2\n", "costs.csv:3: operation: b stands twice"),
    ],
    ids=["missing column", "negative", "twice"],
)
def test_a_table_of_costs_that_cannot_be_used_is_one_sentence(meter, tmp_path, table, text, sentence):
    (tmp_path / "costs.csv").write_text(text)

    ended = meter("margins", table(("b", 1, ["1"])), "--price", "1", "--costs", str(tmp_path / "costs.csv"))

    assert ended.code == 1
    assert sentence in ended.talk


def test_credits_of_unknown_worth_are_one_sentence(meter, table):
    ended = meter("margins", table(("b", 1, ["1"])))

    assert ended.code == 1
    assert ended.talk == (
        "Nobody knows what a credit of acme is worth: no plan is known; name a policy with it, or say --price, money a "
        "credit.\n"
    )


def test_an_empty_window_is_one_sentence(meter, table):
    ended = meter("margins", table(("b", 1, ["1"])), "--price", "1", "--from", "2026-11-01T00:00:00Z", "--days", "1")

    assert ended.code == 1
    assert "There is no call from 2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z; the files have calls from" in ended.talk


def test_an_access_log_is_refused_since_its_calls_would_look_free(meter, tmp_path):
    (tmp_path / "access.log").write_text("")

    ended = meter("margins", str(tmp_path / "access.log"), "--price", "1")

    assert ended.code == 1
    assert "an access log says nothing of credits" in ended.talk


@pytest.mark.parametrize(
    "options",
    [
        ["--floor", "1"],
        ["--floor", "half"],
        ["--price", "-1"],
        ["--by", "route"],
        ["--from", "yesterday"],
        ["--from", "2026-11-02T00:00:00Z", "--until", "2026-11-01T00:00:00Z"],
        ["--from", "2026-11-01T00:00:00Z", "--until", "2026-11-02T00:00:00Z", "--days", "1"],
    ],
    ids=" ".join,
)
def test_options_that_cannot_be_meant_end_with_2(meter, table, options):
    ended = meter("margins", table(("b", 1, ["1"])), *options)

    assert (ended.code, ended.data) == (2, "")


def test_the_example_is_what_its_seed_makes():
    random = np.random.default_rng(2026)
    monday, week = 1_793_577_600, 7 * 86_400
    rows = []
    for name, price, mean, number in (
        ("image.store", 1, 0.00014, 160),
        ("image.resize", 5, 0.0016, 260),
        ("image.analyse", 100, 0.055, 700),
        ("image.cutout", 250, 0.115, 240),
        ("image.tag", 0, 0.0002, 40),
    ):
        moments, costs = random.integers(0, week, number), random.gamma(1, mean, number)
        customers = random.integers(1, 9, number)
        rows += [
            (monday + at, f"customer-{customer}", name, price, f"{cost:.7f}")
            for at, customer, cost in zip(moments.tolist(), customers.tolist(), costs, strict=True)
        ]
    lines = [HEAD, *(",".join(map(str, row)) + "\n" for row in sorted(rows))]

    assert (EXAMPLES / "margins-calls.csv").read_text() == "".join(lines)


def test_the_usual_query_loses_the_free_operation_that_stands_first_here(meter):
    file = EXAMPLES / "margins-calls.csv"
    rows = [line.split(",") for line in file.read_text().splitlines()[1:]]
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE calls (operation TEXT, credits REAL, cost REAL)")
        database.executemany("INSERT INTO calls VALUES (?, ?, ?)", [row[2:] for row in rows])
        flagged = database.execute(
            "SELECT operation, (SUM(credits) * 0.001 - SUM(cost)) / (SUM(credits) * 0.001) AS margin "
            "FROM calls GROUP BY operation HAVING margin < 0.5"
        ).fetchall()

    assert [operation for operation, _ in flagged] == ["image.analyse"]
    assert meter("margins", str(file), "--price", "0.001", "--json").json()["groups"][0]["operation"] == "image.tag"


def test_costs_beyond_what_floats_hold_in_cubes_are_judged(meter, tmp_path):
    rows = (f"1761000000,acme,chat,10,99999999999999999{number % 10}e99" for number in range(150))
    (tmp_path / "huge.csv").write_text("\n".join(["at,account,operation,credits,cost", *rows]))

    ended = meter("margins", str(tmp_path / "huge.csv"), "--price", "0.001", "--json")

    assert ended.json()["groups"][0]["verdict"] == "confirmed"
    assert "mistake" not in ended.talk

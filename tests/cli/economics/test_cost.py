"""``meter cost`` and ``meter rates fit``: what calls cost, and what no rates explain."""

import runpy
from decimal import Decimal
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "economics"
RATES = str(EXAMPLES / "rates.yaml")
CALLS = str(EXAMPLES / "costs" / "calls.csv")
DAYS = str(EXAMPLES / "costs" / "days.csv")
ARTICLE = str(EXAMPLES / "costs" / "article.csv")
LOG = str(EXAMPLES / "costs" / "access.jsonl")


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file, and stand beside it."""
    monkeypatch.chdir(tmp_path)
    Path("rates.yaml").write_text("rates: {cpu_seconds: 1}\n")

    def writing(text: str, name: str = "calls.csv") -> str:
        Path(name).write_text(text)
        return name

    return writing


def test_a_bill_is_allocated_to_the_last_step(meter):
    ended = meter("cost", CALLS, "--rates", RATES, "--bill", "0.5", "--share-by", "duration", "--json")
    found = ended.json()

    assert ended.code == 0
    assert found["bill"] == sum(one["allocated"] for one in found["operations"]) == Decimal("0.5")
    assert found["direct"] + found["overhead"] == pytest.approx(Decimal("0.5"))
    billed = sum(one["per_billed_call"] * one["billed_calls"] for one in found["operations"])
    assert billed == pytest.approx(Decimal("0.5"))


def test_an_operation_says_all_that_scripts_rely_on(meter, write):
    calls = write("operation,cpu_ms,status,third_party\na,1000,200,0.5\na,3000,200,\na,2000,500,\n")
    found = meter("cost", calls, "--rates", "rates.yaml", "--bill", "13", "--size", "cpu_ms", "--json").json()

    assert found["operations"] == [
        {
            "operation": "a",
            "calls": 3,
            "mean": Decimal("2.16666666667"),
            "sd": Decimal("0.763763"),
            "cv": Decimal("0.352506"),
            "p95": 3,
            "billed_calls": 2,
            "direct": Decimal("6.5"),
            "third_party": Decimal("0.5"),
            "unbilled": 2,
            "allocated": 13,
            "carried": 0,
            "per_billed_call": Decimal("6.5"),
            "averaged": False,
            "sizes": [
                {"from": 1000, "to": 1000, "open": False, "calls": 1, "mean": Decimal("1.5"), "sd": 0, "cv": 0}
                | {"p95": Decimal("1.5")},
                {"from": 2000, "to": 2000, "open": False, "calls": 1, "mean": 2, "sd": 0, "cv": 0, "p95": 2},
                {"from": 3000, "to": 3000, "open": False, "calls": 1, "mean": 3, "sd": 0, "cv": 0, "p95": 3},
            ],
        }
    ]
    assert found["findings"] == []


def test_people_see_tables_with_bars_and_what_is_carried(meter):
    shown = meter("cost", CALLS, "--rates", RATES, "--bill", "0.5", "--size", "bytes_out", "--buckets", "tens").data

    assert "█" in shown
    assert "Calls that paid nothing cost" in shown
    assert "Allocated 0.5 = billed 0.5." in shown
    assert "100k to <1M" in shown
    assert max(map(len, shown.splitlines())) <= 99


def test_a_bill_below_the_cost_is_said_and_fails(meter, write):
    calls = write("operation,cpu_ms\na,1000\nb,3000\n")
    ended = meter("cost", calls, "--rates", "rates.yaml", "--bill", "2", "--share-by", "calls")

    assert ended.code == 1
    assert "bill_below_cost: The bill of $2 is $2 below what the rate card says ($4)" in ended.data
    assert "Allocated 2 = billed 2." in ended.data


def test_where_no_call_was_billed_that_is_a_finding(meter, write):
    calls = write("operation,cpu_ms,status\na,1000,500\n")
    ended = meter("cost", calls, "--rates", "rates.yaml", "--json")

    assert (ended.code, [one["code"] for one in ended.json()["findings"]]) == (1, ["nothing_billed"])
    assert ended.json()["operations"][0]["per_billed_call"] is None


def test_a_currency_without_a_sign_is_written_by_its_letters(meter, write):
    write("currency: CHF\nrates: {cpu_seconds: 1}\n", "rates.yaml")

    assert "CHF 2.50" in meter("cost", write("operation,cpu_ms\na,2500\n"), "--rates", "rates.yaml").data


def test_averages_and_what_was_assumed_or_left_out_are_said(meter, write):
    write("rates: {cpu_seconds: 1, memory_gb_seconds: 1}\n", "rates.yaml")
    calls = write("operation,calls,cpu_ms,memory_mb,usage.tokens\na,9,1,1,5\n")
    shown = meter("cost", calls, "--rates", "rates.yaml").data

    for code in ("averages", "assumed_duration", "no_unit"):
        assert f"\n{code}: " in shown


def test_the_access_log_is_read(meter):
    found = meter("cost", LOG, "--rates", RATES, "--size", "duration_ms", "--json").json()

    assert {one["operation"] for one in found["operations"]} == {"image.analyse", "image.resize", "(unmetered)"}
    assert found["direct"] > 0


@pytest.mark.parametrize(
    ("text", "options", "ends"),
    [
        ("name,cpu_ms\na,1\n", (), (1, "calls.csv:2: there is no column 'operation', or it is empty; there are name")),
        ("operation,cpu_ms\na,-1\n", (), (1, "calls.csv:2: cpu_ms: -1 is less than 0; correct it.")),
        ("operation,cpu_s\na,1\n", (), (1, "calls.csv:1: the column 'cpu_s' is no unit; did you mean 'cpu_ms'?")),
        ("operation,gpu_ms\na,1\n", (), (1, "calls.csv:2: gpu_seconds is used (0.001) and has no rate; add it to the")),
        ("", (), (1, "calls.csv: there is no row in it; write one line for each call.")),
        ("operation,cpu_ms\na,1\n", ("--bill", "-5"), (2, "-5 is less than 0; correct it.")),
        ("operation,cpu_ms\na,1\n", ("--bill", "much"), (2, "'much' is not a number")),
        (
            "operation,cpu_ms\na,1\n",
            ("--bill", "1", "--share-by", "gpus"),
            (2, "'gpus' is no rule to share by; did you"),
        ),
        ("operation,cpu_ms\na,1\n", ("--bill", "1", "--share-by", "gpu"), (1, "of which nothing was measured; choose")),
        ("operation,cpu_ms\na,1\n", ("--buckets", "thirds"), (2, "'thirds' is no way to divide sizes; write one of")),
        (
            "operation,cpu_ms\na,1\n",
            ("--size", "px"),
            (1, "calls.csv:2: px is empty or no column; there are operation"),
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_fix(meter, write, text, options, ends):
    code, sentence = ends
    ended = meter("cost", write(text), "--rates", "rates.yaml", *options)

    assert ended.code == code
    assert sentence in " ".join(ended.talk.replace("│", " ").split())


def test_rates_are_fitted_from_bills_and_what_is_not_told_apart_is_said(meter):
    ended = meter("rates", "fit", DAYS, "--bill", "bill", "--json")
    found = ended.json()

    assert ended.code == 0
    assert found["rates"]["gb_out"] == pytest.approx(Decimal("0.09"), rel=Decimal("0.03"))
    assert found["confounded"] == ["cpu_seconds", "memory_gb_seconds"]
    assert found["unexplained_share"] < Decimal("0.02")
    assert "not_told_apart: " in meter("rates", "fit", DAYS, "--bill", "bill").data


def test_no_rates_explain_the_articles_own_table(meter):
    found = meter("rates", "fit", ARTICLE, "--bill", "cost", "--json").json()
    rest = {one["row"]: one["unexplained"] / one["bill"] for one in found["rows"]}

    assert rest["Image upload"] < Decimal("-0.8")
    assert rest["Basic resize"] < Decimal("-0.8")


def test_a_fixed_sum_is_looked_for_where_it_is_asked_for(meter, write):
    bills = write("month,cpu_seconds,duration_ms,bill\n1,1,5,12\n2,2,5,14\n3,4,9,18\n")
    found = meter("rates", "fit", bills, "--bill", "bill", "--fixed", "--json").json()

    assert found["rates"] == {"cpu_seconds": pytest.approx(2), "fixed": pytest.approx(10)}


def test_what_was_never_used_is_said(meter, write):
    bills = write("month,cpu_seconds,gpu_seconds,bill\n1,1,0,2\n2,1,0,0\n")

    assert (
        "unused: nothing is known of the rates of gpu_seconds." in meter("rates", "fit", bills, "--bill", "bill").data
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("month,cpu_ms\n1,1\n", "calls.csv:1: there is no column 'bill'; there are month, cpu_ms."),
        ("month,cpu_ms,bill\n1,1,-3\n", "calls.csv:2: bill: -3 is less than 0; correct it."),
        ("month,cpu_ms,bill\n1,1,2\n2,1,\n", "calls.csv:3: bill is empty; every row needs one."),
        ("month,bill\n1,2\n", "calls.csv: Nothing was used, so nothing explains the bills"),
        ("", "calls.csv: There is no bill; give one row for each."),
    ],
)
def test_bills_that_cannot_be_are_refused_with_the_fix(meter, write, text, sentence):
    ended = meter("rates", "fit", write(text), "--bill", "bill")

    assert ended.code == 1
    assert sentence in ended.talk


def test_the_example_is_what_its_generator_makes():
    tables = runpy.run_path(str(EXAMPLES / "costs" / "measured.py"))["tables"]()

    assert tables == {name: (EXAMPLES / "costs" / name).read_text() for name in ("calls.csv", "days.csv")}

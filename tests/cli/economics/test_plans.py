"""``meter plans suggest``: the article's plans, and what it is given that can't be."""

import runpy
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.conftest import Meter, meter, policies

__all__ = ["meter", "policies"]

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "economics" / "bundles"
ARTICLE = ("plans", "suggest", "--policies", str(EXAMPLES / "policy.yaml"), "--price", "0.001")
AT_COST = (*ARTICLE, "--cost", "0.0003")
BY_TABLE = (*ARTICLE, "--cost", str(EXAMPLES / "costs.csv"))
USED = ("--use", str(EXAMPLES / "observed-use.csv"))

HEAD = "version: 1\noperations: {read: {title: Read, credits: 1}}\nroutes: [{match: GET /, operation: read}]\n"


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def plan(found: object, name: str) -> dict:
    return next(one for one in found["plans"] if one["plan"] == name)


def codes(found: object) -> list[tuple[str, str]]:
    return [(one["code"], one["subject"]) for one in found["findings"]]


def test_the_articles_plans_are_below_their_target_and_their_own_alarm(meter: Meter):
    found = meter(*AT_COST, "--json").json()
    starter, pro = plan(found, "starter"), plan(found, "pro")

    assert starter["margins"][-1] == {"quantile": None, "utilisation": 1, "margin": Decimal("0.48275862069")}
    assert pro["margins"][-1]["margin"] == Decimal("0.242424242424")
    assert (starter["utilisation_for_target"], pro["utilisation_for_target"]) == (Decimal("0.58"), Decimal("0.396"))
    assert (starter["list_discount"], pro["list_discount"]) == (Decimal("0.42"), Decimal("0.604"))
    assert starter["cost_multiple"] == {"at_list": 29_000, "at_target": 29_000}


def test_the_articles_holes_are_named(meter: Meter):
    ended = meter(*AT_COST, "--json")
    found = ended.json()

    assert ended.code == 0
    assert codes(found) == [
        ("BND002", "starter"),
        ("BND002", "pro"),
        ("BND010", "pro"),
        ("BND005", "starter"),
        ("BND005", "pro"),
        ("BND007", "commitment"),
        ("BND007", "commitment"),
        ("BND008", "free"),
    ]
    assert [(one["other"], one["credits"]) for one in found["breakevens"][:2]] == [
        ("starter", 79_000),
        ("pro", 120_000),
    ]
    assert [(one["above"], one["below"]) for one in found["cliffs"]] == [(80_000, 100_000), (750_000, 1_000_000)]
    assert [one["accounts"] for one in found["free_accounts"]] == [50, 250]
    assert plan(found, "pro")["net_per_base_credit"]["net"] == Decimal("0.00022176")


def test_without_observed_use_and_offers_their_columns_are_left_out_and_it_is_said(meter: Meter):
    ended = meter(*AT_COST)

    assert "use case" not in ended.data
    assert "parity" not in ended.data
    assert "the use-case anchor can't be had" in ended.talk
    assert plan(meter(*AT_COST, "--json").json(), "pro")["use_case"] is None


def test_without_a_list_price_nothing_is_compared_with_list(meter: Meter):
    ended = meter(*AT_COST[:4], "--cost", "0.0003")

    assert "cost multiple" not in ended.data
    assert "Without --price" in ended.talk


def test_the_anchor_is_a_quantile_of_the_plans_own_accounts(meter: Meter):
    found = meter(*AT_COST, *USED, "--quantile", "0.95", "--json").json()
    anchor = plan(found, "starter")["use_case"]

    assert anchor["periods"] == 60
    assert anchor["quantiles"][-1] == {"quantile": Decimal("0.95"), "credits": anchor["credits"]}
    assert anchor["mean"] < anchor["credits"]


def test_observed_quantiles_stand_among_the_bars(meter: Meter):
    data = meter(*AT_COST, *USED).data

    assert "p90" in data
    assert "█" in data
    assert "58.0 %" in data


def test_calls_are_summed_by_account_and_month(meter: Meter, tmp_path):
    calls = written(
        tmp_path,
        "calls.csv",
        "at,account,operation,credits,plan\n"
        "2026-10-31T23:59:59Z,acme,request,10,starter\n"
        "2026-11-01T00:00:00Z,acme,request,7,starter\n"
        "2026-11-30T00:00:00Z,acme,search,5,starter\n"
        "2026-11-30T00:00:00Z,old,search,5,retired\n",
    )
    found = meter(*AT_COST, "--use", calls, "--json").json()
    anchor = plan(found, "starter")["use_case"]

    assert (anchor["periods"], anchor["mean"], anchor["credits"]) == (2, 11, 12)
    assert any("'retired'" in sentence for sentence in found["left_out"])


def test_offers_are_compared_in_calls_of_the_basket(meter: Meter):
    found = meter(*BY_TABLE, "--competitors", str(EXAMPLES / "competitors.csv"), "--json").json()
    by_name = {one["name"]: one["calls"] for one in found["competitors"]}

    assert by_name["Per call"] == 6000
    assert by_name["Competitor A"] == Decimal("4680.85106383")
    assert plan(found, "pro")["parity"]["per_thousand_calls"] == Decimal("3.12")
    assert "Calls of the basket" in meter(*BY_TABLE, "--competitors", str(EXAMPLES / "competitors.csv")).data


def test_calls_are_a_basket_too_priced_by_the_policy(meter: Meter, tmp_path):
    calls = written(tmp_path, "c.csv", "at,account,operation,credits\n1,a,request,1\n2,a,search,5\n")
    offers = written(tmp_path, "offers.csv", "name,price,credits,request,search\nA,10,3000,1,1\n")
    found = meter(*AT_COST, "--use", calls, "--competitors", offers, "--json").json()

    assert found["competitors"][0]["calls"] == 3000
    assert plan(found, "starter")["parity"]["calls"] == Decimal("16666.6666667")


def test_offers_without_a_basket_are_refused_since_credits_are_no_measure(meter: Meter):
    ended = meter(*AT_COST, "--competitors", str(EXAMPLES / "competitors.csv"))

    assert ended.code == 1
    assert "there is none; give --cost a table" in ended.talk


def test_a_table_of_costs_gives_the_cost_of_a_credit_over_its_volume(meter: Meter, tmp_path):
    table = written(tmp_path, "costs.csv", "operation,cost,volume\nrequest,0.001,10\nsearch,0.003,2\n")

    assert meter(*ARTICLE, "--cost", table, "--json").json()["cost_per_credit"] == Decimal("0.0008")


@pytest.mark.parametrize(
    ("option", "name", "text", "sentence"),
    [
        (
            "--cost",
            "c.csv",
            "operation,volume\na,1\n",
            "c.csv:1: there is no column 'cost'; there are operation, volume",
        ),
        ("--cost", "c.csv", "operation,cost,credits,volume\na,-1,1,1\n", "c.csv:2: cost: -1 is less than 0"),
        ("--cost", "c.csv", "operation,cost,credits,volume\na,1,0,1\n", "c.csv: No credits are spent"),
        ("--cost", "c.csv", "operation,cost,volume\na,1,1\n", "'a' is no operation of the policy"),
        (
            "--cost",
            "c.csv",
            "operation,cost,credits,volume\na,1,1,1\na,1,1,1\n",
            "c.csv:3: operation: 'a' stands twice",
        ),
        ("--cost", "c.csv", "", "there is no row in it"),
        ("--cost", "none.csv", None, "none.csv: No such file"),
        ("--use", "u.csv", "account,plan\na,pro\n", "u.csv:1: there is no column 'credits'"),
        ("--use", "u.csv", "account,plan,credits\na,gold,5\n", "u.csv:2: plan: 'gold' is no plan of the policy"),
        ("--use", "u.csv", "account,plan,credits\na,pro,5\nb,,5\n", "u.csv:3: plan is empty"),
        ("--use", "u.csv", "account,credits\na,-5\n", "u.csv:2: credits: -5 is less than 0"),
        ("--use", "u.csv", "", "there is no row in it"),
        ("--use", "calls.csv", "at,account,operation,credits\n", "there is no row in it"),
        ("--competitors", "o.csv", "name,credits\nA,5\n", "o.csv:1: there is no column 'price'"),
        ("--competitors", "o.csv", "name,price,calls\nA,-5,5\n", "o.csv:2: price: -5 is less than 0"),
        ("--competitors", "o.csv", "name,price,calls\nA,0,5\n", "o.csv:2: price: 0 can't be met"),
        ("--competitors", "o.csv", "name,price,calls\nA,5,0\n", "o.csv:2: calls: 0 buys nothing"),
        ("--competitors", "o.csv", "name,price,credits,request\nA,5,9,1\n", "A: search of the basket has no price"),
        ("--competitors", "o.csv", "name,price\nA,5\n", "o.csv:2: credits"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_line_value_and_fix(  # noqa: PLR0917
    meter: Meter, tmp_path, option, name, text, sentence
):
    path = written(tmp_path, name, text) if text is not None else str(tmp_path / name)
    given = (*ARTICLE, option, path) if option == "--cost" else (*BY_TABLE, option, path)
    ended = meter(*given)

    assert ended.code == 1
    assert sentence in ended.talk
    assert ended.data == ""


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--price", "-1"),
        ("--price", "0"),
        ("--price", "dear"),
        ("--cost", "-1"),
        ("--cost", "cheap"),
        ("--target", "1"),
        ("--target", "170 %"),
        ("--quantile", "0"),
        ("--quantile", "90"),
    ],
)
def test_an_option_that_cannot_be_meant_is_a_wrong_use(meter: Meter, option, value):
    ended = meter(*AT_COST, option, value)

    assert ended.code == 2
    assert option in ended.talk


@pytest.mark.parametrize(
    ("plans", "sentence"),
    [
        ("", "There is no plan in the policy"),
        ("plans: {free: {included: 1000, period: month}}\n", "No plan has both a price and included credits: free"),
    ],
    ids=["no plans", "no price"],
)
def test_a_policy_without_plans_that_are_sold_is_refused(meter: Meter, tmp_path, plans, sentence):
    policy = written(tmp_path, "p.yaml", HEAD + plans)
    ended = meter("plans", "suggest", "--policies", policy, "--cost", "0.0003")

    assert ended.code == 1
    assert sentence in ended.talk


def test_overage_has_its_plans_own_price_before_the_list_price(meter: Meter, tmp_path):
    plans = """\
plans:
  own: {included: 1000, period: month, price: "1", currency: USD, overage: {limit: 9, price_per_thousand: "4"}}
  listed: {included: 1000, period: month, price: "1", currency: USD}
"""
    policy = written(tmp_path, "p.yaml", HEAD + plans)
    found = meter("plans", "suggest", "--policies", policy, "--cost", "0", "--price", "0.002", "--json").json()

    assert plan(found, "own")["overage"] == Decimal("0.004")
    assert plan(found, "listed")["overage"] == Decimal("0.002")
    assert "break-evens are left out" in meter("plans", "suggest", "--policies", policy, "--cost", "0").talk


SORTS = """\
plans:
  year: {included: 1200000, period: year, price: "240", currency: USD, discount: 0.8}
  month: {included: 50000, period: month, price: "29", currency: USD, trial: {credits: 500, days: 14}}
  weekly: {included: 10000, period: week, price: "9", currency: USD}
  euro: {included: 50000, period: month, price: "29", currency: EUR}
  contract: {included: 1000, period: month, commitment: 1000000}
  metered: {included: 0, period: month, price: "5", currency: USD}
"""


def test_what_cannot_be_compared_is_left_out_with_its_reason_and_a_year_is_twelve_months(meter: Meter, tmp_path):
    policy = written(tmp_path, "p.yaml", HEAD + SORTS)
    found = meter("plans", "suggest", "--policies", policy, "--cost", "0.0002", "--json").json()
    year = plan(found, "year")

    assert [one["plan"] for one in found["plans"]] == ["year", "month"]
    assert (year["price"], year["included"], year["standing_multiplier"]) == (20, 100_000, Decimal("0.8"))
    assert year["margins"][-1]["margin"] == Decimal("-0.25")
    assert {one["free"] for one in found["free_accounts"]} == {"the trial of month"}
    assert ("BND001", "year") in codes(found)
    assert ("BND009", "month") in codes(found)
    for name in ("weekly", "euro", "contract", "metered"):
        assert any(sentence.startswith(f"{name} ") for sentence in found["left_out"])


def test_the_observed_use_of_the_example_is_what_its_generator_makes(capsys):
    runpy.run_path(str(EXAMPLES / "observed_use.py"), run_name="__main__")

    assert capsys.readouterr().out == (EXAMPLES / "observed-use.csv").read_text()


def test_what_is_given_away_a_day_is_not_counted_as_if_it_were_a_month(meter: Meter, tmp_path):
    plans = (
        "plans:\n  free: {included: 100, period: day}\n"
        "  year: {included: 1200, period: year, price: '100', currency: USD}\n"
        "  gift: {included: 600, period: year}\n  basic: {included: 1000, period: month, price: '10', currency: USD}\n"
    )
    policy = written(tmp_path, "daily.yaml", HEAD + plans)
    ended = meter("plans", "suggest", "--policies", policy, "--cost", "0.001")
    found = meter("plans", "suggest", "--policies", policy, "--cost", "0.001", "--json").json()

    assert "free has no price and another period than month, and is left out." in ended.talk
    assert codes(found)[-1] == ("BND008", "gift")
    assert {(one["free"], one["plan"], one["accounts"]) for one in found["free_accounts"]} == {
        ("gift", "year", 2),
        ("gift", "basic", 20),
    }
    assert "2 accounts on gift stand in for year: they save its 8.3333 a period" in ended.data

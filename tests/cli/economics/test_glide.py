"""``meter glide``: the article's cases, what it writes and whether the gateway keeps to it, and what can't be."""

import shlex
from decimal import Decimal
from pathlib import Path

import pytest

from meter.policy.load import load

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "economics"
USE = str(EXAMPLES / "use.csv")
PRICES = str(EXAMPLES / "glide")
ARTICLE = ("--cost", "0.05", "--price", "0.001")
POLICY = """\
version: 1
operations:
  image.analyse: {title: AI analysis, credits: 10, rounding: {mode: floor, step: 0.000001, minimum: 1}}
  image.tag: {title: Tagging, credits: 4}
  capped: {title: Capped, credits: 10, rounding: {maximum: 20}}
  chat: {title: Chat, credits: {base: 1, per: {query.tokens: 0.1}, at_most: 50}}
  health: {free: true}
routes:
  - {match: POST /v1/images, operation: image.analyse}
"""


@pytest.fixture
def plan(meter, tmp_path, monkeypatch):
    """Plan a way with the example's use, in a folder of its own that has a policy."""
    monkeypatch.chdir(tmp_path)
    Path("policies").mkdir()
    Path("policies/api.yaml").write_text(POLICY)

    def run(*arguments, operation="image.analyse", use=USE, start="2027-01-01", policies="policies"):
        return meter("glide", operation, "--policies", policies, "--use", use, "--start", start, *arguments)

    return run


def codes(ended):
    return [one["code"] for one in ended.json()["findings"]]


@pytest.mark.parametrize(
    ("target", "credits_a_call", "months"),
    [
        pytest.param((*ARTICLE, "--margin", "0"), 50, {"10": 17, "15": 12, "20": 9}, id="break even"),
        pytest.param(ARTICLE, 167, {"10": 30, "15": 21, "20": 16}, id="70 %"),
        pytest.param(("--to", "80"), 80, {"10": 22, "15": 15, "20": 12}, id="the startup"),
    ],
)
def test_the_articles_ten_credits_go_to(plan, target, credits_a_call, months):
    ended = plan(*target, "--json")

    assert ended.code == 0
    assert ended.json()["target"] == credits_a_call
    assert ended.json()["months"] == months
    assert ended.json()["path"][:4] == [10, 12, Decimal("14.4"), Decimal("17.28")]
    assert len(ended.json()["path"]) - 1 == months["20"]
    assert codes(ended) == []


def test_scripts_find_all_of_it(plan):
    found = plan(*ARTICLE, "--margin", "0", "--json").json()

    assert (found["start"], found["first_rise"], found["arrives"]) == ("2027-01-01", "2027-02-01", "2027-12-01")
    assert found["integer_path"] == [10, 12, 14, 16, 19, 22, 26, 31, 37, 44, 50]
    assert found["way"][2] == {"begins": "2027-03-01", "months": 1, "paid": [Decimal("14.4"), 12, 10]}
    assert found["cohorts"][1] == {
        "cohort": 2,
        "starts": "2027-03-01",
        "send_by": "2027-01-29",
        "volume": 4600,
        "accounts": ["globex", "hooli"],
    }
    assert found["rounding"] == {"mode": "floor", "step": Decimal("0.000001"), "minimum": 1, "changed": False}
    # A call of each month loses 40 credits' worth while its cohort waits, then what is missing to 50.
    missing = sum(50 - Decimal(10 * 6**month) / 5**month for month in range(1, 9))
    waits = 2500 * 1 + 4600 * 2 + 12900 * 3
    assert float(found["money"]["loss"]) == pytest.approx(float((waits * 40 + 20000 * missing) / 1000), rel=1e-8)
    assert found["money"]["loss"] == found["money"]["below_cost"] == found["money"]["rebate"]


def test_people_see_months_by_cohort(plan):
    shown = plan("--to", "5", operation="image.tag").data

    assert " 2027-03-01   5          4.8        4          █▆▁ " in shown
    assert "stuck: Whole credits are stuck at 4: 20 % of it is less than one." in shown
    assert "walks it in micro-credits: 4, then 4.8." in shown


def test_a_long_way_and_many_cohorts_are_cut_for_people(plan):
    shown = plan(*ARTICLE, "--cohorts", "6").data

    assert "… 6 months …" in shown
    assert "… and 2 cohorts more: --json has all of them." in shown


def test_what_the_policy_cannot_pay_yet_is_a_failure_that_says_what_to_write(plan):
    ended = plan("--to", "5", "--policy", "policies/glide.yaml", operation="image.tag")

    assert ended.code == 1
    assert "policies/api.yaml:4:" in ended.talk
    assert "write beside its credits rounding: {mode: half_up, step: 0.1, minimum: 1}, and run" in ended.talk
    assert not Path("policies/glide.yaml").exists()

    rounded = POLICY.replace("credits: 4}", "credits: 4, rounding: {mode: half_up, step: 0.1, minimum: 1}}")
    Path("policies/api.yaml").write_text(rounded)
    again = plan("--to", "5", "--policy", "policies/glide.yaml", operation="image.tag")

    assert again.code == 0
    assert "accepted beside policies, and it charges what is announced" in again.talk


def test_the_policy_that_is_written_is_one_that_meter_accepts(plan, meter):
    ended = plan(*ARTICLE, "--policy", "policies/glide.yaml", "--letters", "letters", "--pins", "pins.sh")

    assert ended.code == 0
    assert meter("check", "--policies", "policies").code == 0
    operation = load(Path("policies")).operations["image.analyse"]
    assert [version.name for version in operation.versions] == ["original", "2027-01-01"]
    assert sorted(one.name for one in Path("letters").iterdir()) == ["cohort-1.md", "cohort-2.md", "cohort-3.md"]
    assert Path("pins.sh").read_text().splitlines()[2:4] == [
        "meter pin original --until 2027-04-01T00:00:00Z --created-before 2027-01-01T00:00:00Z",
        "meter pin original --until 2027-02-01T00:00:00Z --account umbrella",
    ]


@pytest.mark.parametrize("option", ["--policy", "--letters", "--pins"])
def test_no_file_is_written_over(plan, option):
    name = "letters" if option == "--letters" else "other.yaml"
    assert plan("--to", "20", option, name).code == 0
    again = plan("--to", "20", option, name)

    assert again.code == 1
    assert "is there already, and is not written over" in again.talk


def test_kept_use_is_granted_month_by_month(plan):
    ended = plan("--to", "12", "--grandfather", "1000", "--end", "2027-05-01", "--json")

    grants = ended.json()["grants"]
    assert codes(ended) == ["grants"]
    assert [one["begins"] for one in grants] == ["2027-02-01", "2027-03-01", "2027-04-01"]
    assert grants[0] == {
        "begins": "2027-02-01",
        "expires": "2027-03-01",
        "scope": ["image.analyse"],
        "credits": 200,
        "accounts": {"umbrella": 200},  # 100 calls of 10 credits, at 2 credits more.
    }


def test_a_policy_that_has_versions_walks_from_the_one_in_force(plan):
    later = "{version: b, effective_at: 2026-06-01T00:00:00Z, operations: {image.analyse: 20}}"
    prices = f"prices:\n  - version: a\n  - {later}\n"
    Path("policies/api.yaml").write_text(POLICY + prices)

    found = plan("--to", "24", "--json")
    refused = plan("--to", "24", "--policy", "policies/glide.yaml")

    assert found.json()["path"] == [20, 24]
    assert found.json()["pins"][0].startswith("meter pin b --until")
    assert refused.code == 1
    assert 'add to them\n  - version: "2027-01-01"\n    effective_at: 2027-01-01T00:00:00Z' in refused.talk


def write_observed(*, staggered):
    """Use that falls by half a percent for each percent of price, and doubles in the second month for everybody."""
    lines = ["account,month,volume,price"]
    for at, account in enumerate("abcdef"):
        for month in range(4):
            price = 10 * (1 + 0.2 * max(0, month - (at % 3 if staggered else 1)))
            lines.append(f"{account},2027-0{month + 1},{(at + 1) * 100 * (1 + (month > 0)) * price**-0.5:.12f},{price}")
    Path("observed.csv").write_text("\n".join((*lines, "")))


def test_cohorts_that_started_apart_say_what_the_price_did(plan):
    write_observed(staggered=True)

    found = plan("--to", "20", "--observed", "observed.csv", "--json").json()["elasticity"]
    shown = plan("--to", "20", "--observed", "observed.csv").data

    assert float(found["estimate"]) == pytest.approx(-0.5, abs=1e-6)
    assert (found["accounts"], found["months"]) == (6, 4)
    assert "So far 1 % of price changed use by -0.50 % (an estimate, 95 % bounds -0.50 to -0.50;" in shown


def test_a_change_for_everybody_at_once_says_nothing_of_the_price(plan):
    write_observed(staggered=False)
    ended = plan("--to", "20", "--observed", "observed.csv")

    assert ended.code == 1
    assert "observed.csv: In every month all accounts paid the same, or it changed for all at once" in ended.talk


def test_what_was_observed_has_to_have_a_logarithm(plan):
    Path("observed.csv").write_text("account,month,volume,price\na,2027-01,0,10\n")

    assert "observed.csv:2: volume: 0 has no logarithm" in plan("--to", "20", "--observed", "observed.csv").talk


def test_the_pins_that_are_written_pin_each_account_until_its_cohort_starts(plan, meter, store_url):
    """``idle`` made no call, so it is in no cohort: it is held until the last one starts."""
    Path("policies/api.yaml").write_text(POLICY + "plans: {pro: {included: 1000}}\n")
    stored = ("--policies", "policies", "--redis", store_url)
    for name in ("umbrella", "globex", "acme", "idle"):
        assert meter("account", "create", name, "--plan", "pro", *stored).code == 0
    Path("use.csv").write_text("account,volume\numbrella,1\nglobex,1\nacme,1\n")
    assert plan("--to", "20", "--policy", "policies/glide.yaml", "--pins", "pins.sh", use="use.csv").code == 0

    for line in Path("pins.sh").read_text().splitlines()[2:]:
        assert meter(*shlex.split(line)[1:], *stored).code == 0

    listed = meter("account", "list", "--redis", store_url, "--json").json()["accounts"]
    assert {one["account"]: one["pin"]["until"][:10] for one in listed} == {
        "umbrella": "2027-02-01",
        "globex": "2027-03-01",
        "acme": "2027-04-01",
        "idle": "2027-04-01",
    }


def test_use_is_counted_from_calls_of_the_last_thirty_days(plan):
    lines = [f"2026-{month}-01T00:00:00Z,acme,image.analyse,10" for month in ("10", "11", "11")]
    Path("calls.csv").write_text("\n".join(("at,account,operation,credits", *lines, "")))

    found = plan("--to", "20", "--json", "--cohorts", "1", use="calls.csv").json()

    assert found["cohorts"][0]["volume"] == 2


@pytest.mark.parametrize(
    ("arguments", "operation", "code", "said"),
    [
        pytest.param(["--to", "9"], "image.analyse", 1, "9 credits is not above the 10 that", id="below the price"),
        pytest.param(["--to", "10"], "image.analyse", 1, "is not above the 10", id="no change"),
        pytest.param(["--to", "x"], "image.analyse", 2, "'x' is not an amount", id="no number"),
        pytest.param([], "image.analyse", 2, "there is no target", id="no target"),
        pytest.param(["--cost", "0.05"], "image.analyse", 2, "money needs both", id="no price"),
        pytest.param(["--price", "1"], "image.analyse", 2, "money needs both", id="no cost"),
        pytest.param(["--cost", "0.05", "--price", "0"], "image.analyse", 2, "0 is no price", id="price of nothing"),
        pytest.param(["--cost", "-1", "--price", "1"], "image.analyse", 2, "is less than 0", id="negative cost"),
        pytest.param(["--cost", "0", "--price", "1"], "image.analyse", 2, "needs no higher", id="no cost at all"),
        pytest.param([*ARTICLE, "--margin", "1"], "image.analyse", 2, "A margin of 1", id="margin of all"),
        pytest.param(["--to", "20", "--margin", "0.5"], "image.analyse", 2, "leave one out", id="two targets"),
        pytest.param(["--to", "20", "--rise", "0"], "image.analyse", 2, "0 is no rise", id="rise of nothing"),
        pytest.param(["--to", "20", "--rise", "101%"], "image.analyse", 2, "101% is no rise", id="rise above all"),
        pytest.param(["--to", "20", "--rise", "fast"], "image.analyse", 2, "'fast' is not a number", id="rise a word"),
        pytest.param(["--to", "20", "--rise", "0.0000000001"], "image.analyse", 2, "9 decimals", id="rise too fine"),
        pytest.param(["--to", "20", "--notice", "soon"], "image.analyse", 2, "'soon' is no number", id="notice"),
        pytest.param(["--to", "20", "--cohorts", "0"], "image.analyse", 2, "0 cohorts", id="no cohort"),
        pytest.param(["--to", "20", "--end", "2028-01-01"], "image.analyse", 2, "say both", id="an end of nothing"),
        pytest.param(
            ["--to", "20", "--grandfather", "9", "--end", "2027-01-31"], "image.analyse", 1, "is not after", id="end"
        ),
        pytest.param(["--to", "20", "--policy", "a.txt"], "image.analyse", 2, "a.txt is no policy file", id="ending"),
        pytest.param(["--to", "20"], "image.analyze", 1, "did you mean 'image.analyse'?", id="unknown"),
        pytest.param(["--to", "20"], "health", 1, "health is free", id="free"),
        pytest.param(["--to", "20"], "chat", 1, "depends on use (query.tokens)", id="metered"),
        pytest.param(["--to", "21"], "capped", 1, "costs at most 20 by its rounding's maximum", id="maximum"),
    ],
)
def test_what_can_not_be_is_said(plan, arguments, operation, code, said):
    ended = plan(*arguments, operation=operation)

    assert ended.code == code
    assert said in " ".join(ended.talk.replace("│", " ").split())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        pytest.param("account,volume\nacme,-1\n", "use.csv:2: volume: -1 is less than 0; correct it.", id="negative"),
        pytest.param("account,volume\nacme,many\n", "use.csv:2: volume: 'many' is not a number", id="a word"),
        pytest.param("account,calls\nacme,1\n", "use.csv:1: there is no column 'volume'; there are", id="no column"),
        pytest.param("account,volume\n", "use.csv: there is no row in it", id="only a header"),
        pytest.param("", "use.csv: there is no row in it", id="empty"),
        pytest.param("account,volume\na,1\na,2\n", "use.csv:3: account: a stands in line 2 too", id="twice"),
        pytest.param(
            "account,operation,volume\na,image.analyze,1\n",
            "use.csv: nobody calls 'image.analyse' in it; did you mean 'image.analyze'?",
            id="another operation",
        ),
        pytest.param("at,account,operation,credits\n1,a,other,1\n", "nobody calls 'image.analyse' in it", id="calls"),
    ],
)
def test_use_that_can_not_be_is_said_with_its_line(plan, written, said):
    Path("use.csv").write_text(written)
    ended = plan("--to", "20", use="use.csv")

    assert ended.code == 1
    assert said in ended.talk


@pytest.mark.parametrize(("start", "code"), [("soon", 2), ("2027-13-01", 2), ("9999-01-01", 2)])
def test_a_start_that_is_no_day_is_said(plan, start, code):
    assert plan("--to", "20", start=start).code == code


def test_use_in_a_file_of_another_kind_is_refused(plan):
    Path("use.txt").write_text("x")

    assert "use.txt: use is read from exported ledger files" in plan("--to", "20", use="use.txt").talk

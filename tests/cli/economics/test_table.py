"""``meter table build``: the article's table, its price, what is wrong with a table, and with what is given."""

from decimal import Decimal
from pathlib import Path

import pytest

from meter.policy.load import load

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "economics"
ARTICLE = str(EXAMPLES / "profile.csv")
MEASURED = str(EXAMPLES / "measured.csv")
RATES = "rates:\n  cpu_hours: 36\n  gb_out: 1\n  memory_gb_seconds: 0.5\n"
HEADER = "operation,cost,value,volume\n"


@pytest.fixture
def profile(tmp_path, monkeypatch):
    """Write a profile, and stand beside it."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "profile.csv") -> str:
        Path(name).write_text(text)
        return name

    return write


def credits_of(ended):
    return [line["credits"] for line in ended.json()["operations"]]


def test_the_articles_operations_become_the_articles_table(meter):
    ended = meter("table", "build", ARTICLE, "--json")

    assert ended.code == 0
    assert credits_of(ended) == [1, 5, 100, 250, 2500]
    assert ended.json()["price_per_credit"] == Decimal("0.001")
    assert ended.json()["levels"] == [1, 5, 100, 250, 2500]
    assert ended.json()["findings"] == []


def test_a_line_of_the_json_has_all_that_scripts_rely_on(meter):
    third = meter("table", "build", ARTICLE, "--json").json()["operations"][2]

    assert third == {
        "operation": "image.analyse",
        "cost": Decimal("0.015"),
        "raw": 75,
        "valued": Decimal("112.5"),
        "credits": 100,
        "distortion": Decimal("-0.111111111111"),
        "margin": Decimal("0.85"),
    }


def test_people_are_told_what_each_rounding_costs(meter):
    ended = meter("table", "build", ARTICLE)
    shown = ended.data

    assert "image.analyse   $0.015    75     112.5    100        -11.1 % ▄   85.0 %" in shown
    assert "image.analyse   112.5 → 100   -$0.0125   -$187.50" in shown
    assert "Together -$117.50 a month." in shown
    assert "A credit costs $0.001: $1 per 1,000 credits" in shown
    assert max(map(len, shown.splitlines()[:7])) <= 80


def test_a_target_is_said_with_its_decimals(meter):
    assert "of a month leave 72.5 %." in meter("table", "build", ARTICLE, "--margin", "0.725").data


def test_without_volumes_no_month_is_spoken_of_and_every_operation_reaches_the_margin(meter, profile):
    ended = meter("table", "build", profile("operation,cost\na,0.0002\nb,0.0008\n"))

    assert ended.code == 0
    assert "month" not in ended.data
    assert "every operation leaves 70 %" in ended.data


@pytest.mark.parametrize(
    ("options", "credits_each"),
    [
        (["--ladder", "1-2-5"], [1, 5, 100, 200, 2000]),
        (["--ladder", "1-5-10"], [1, 5, 100, 500, 5000]),
        (["--ladder", "1,3,10"], [1, 3, 100, 300, 3000]),
        (["--ladder", "E3"], [1, Decimal("4.7"), 100, 220, 2200]),
        (["--rounding", "ceil"], [1, 5, 250, 250, 2500]),
        (["--rounding", "nearest_linear"], [1, 5, 100, 250, 2500]),
        (["--rounding", "margin_safe", "--price", "0.001"], [1, 5, 50, 250, 2500]),
        (["--rounding", "margin_safe"], [1, 5, 50, 250, 2500]),
        (["--base", "image.resize"], [1, 1, 25, 50, 500]),
    ],
)
def test_ladder_rounding_and_base_are_chosen(meter, options, credits_each):
    assert credits_of(meter("table", "build", ARTICLE, "--json", *options)) == credits_each


def test_a_ladder_comes_from_a_file_too(meter, profile):
    ladder = profile("1, 4 # small\n16\n64 256 1024 4096\n", "mine.txt")

    assert credits_of(meter("table", "build", ARTICLE, "--ladder", ladder, "--json")) == [1, 4, 64, 256, 4096]


def test_the_mix_may_reach_a_margin_that_an_operation_misses(meter, profile):
    file = profile(HEADER + "a,0.001,,1000\nb,0.0035,,1\n")
    ended = meter("table", "build", file, "--ladder", "1,3,10", "--price", "0.005", "--margin", "0.78", "--json")

    assert ended.code == 0
    assert [(one["code"], one["operation"]) for one in ended.json()["findings"]] == [("below_target", "b")]


def test_a_table_that_misses_its_margin_says_so_and_exits_with_one(meter):
    ended = meter("table", "build", ARTICLE, "--price", "0.0005", "--json")
    found = ended.json()["findings"]

    assert ended.code == 1
    assert found[0] == {
        "code": "mix_below_target",
        "operation": None,
        "sentence": "Over the calls of a month the margin is 64.65 %, below 70 %.",
    }
    assert found[1]["sentence"] == (
        "image.store earns 0.0005 a call and costs 0.0002, a margin of 60 %; from 5 credits on it reaches 70 %."
    )


def test_a_call_below_cost_is_named_before_those_below_the_target(meter, profile):
    ended = meter(
        "table", "build", profile(HEADER + "a,1,,\nb,4,0.75,\n"), "--ladder", "1,3", "--price", "1.25", "--json"
    )

    assert ended.code == 1
    assert [(one["code"], one["operation"]) for one in ended.json()["findings"]] == [
        ("below_cost", "b"),
        ("below_target", "a"),
    ]
    assert "no step of the ladder reaches 70 %" in ended.json()["findings"][0]["sentence"]


def test_a_free_call_with_a_cost_comes_first_and_has_no_margin(meter, profile):
    ended = meter("table", "build", profile(HEADER + "a,0.0002,,10\nb,4,,1\nfree,0.01,0,1000\n"), "--json")
    free = ended.json()["operations"][2]

    assert ended.code == 1
    assert (free["credits"], free["margin"], free["distortion"]) == (0, None, None)
    assert ended.json()["findings"][0] == {
        "code": "free_with_cost",
        "operation": "free",
        "sentence": "free is free and costs 0.01 a call; a month of them loses 10.",
    }


def test_a_free_call_that_costs_nothing_is_no_finding(meter, profile):
    ended = meter("table", "build", profile(HEADER + "a,0.0002,,\nhealth,0,0,\n"), "--base", "a")

    assert ended.code == 0
    assert "health" in ended.data


def test_a_call_that_costs_nothing_is_not_free_unless_it_is_meant_to_be(meter, profile):
    ended = meter("table", "build", profile(HEADER + "a,0.0002,,\nhealth,0,,\n"), "--base", "a", "--json")
    health = ended.json()["operations"][1]

    assert (health["credits"], health["distortion"], health["margin"]) == (1, None, 1)


def test_a_mix_exactly_at_the_target_does_not_miss_it(meter, profile):
    ended = meter("table", "build", profile(HEADER + "a,0.0003,,10\n"), "--price", "0.001", "--json")

    assert (ended.code, ended.json()["findings"]) == (0, [])


def test_the_safe_price_counts_the_credits_of_the_first_step(meter, profile):
    file = profile("operation,cost\na,0.0003\n")
    ended = meter("table", "build", file, "--rounding", "margin_safe", "--ladder", "5,50", "--json")

    assert ended.json()["price_per_credit"] == Decimal("0.0002")
    assert credits_of(ended) == [5]


def test_a_value_below_the_first_step_is_lifted_to_it_and_said(meter, profile):
    ended = meter("table", "build", profile(HEADER + "a,0.0002,,\nb,0.0008,,\n"), "--base", "b", "--json")

    assert ended.code == 0
    assert credits_of(ended) == [1, 1]
    assert ended.json()["findings"][0]["code"] == "below_first_step"
    assert ended.json()["operations"][0]["distortion"] == 3


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("", "profile.csv: there is no row in it; write one line for each."),
        ("a,-0.2,,\n", "profile.csv:2: cost: -0.2 is less than 0; correct it."),
        ("a,1,,\nb,,,\n", "profile.csv:3: cost is empty; every row needs one."),
        ("a,1,,\n,2,,\n", "profile.csv:3: operation is empty; every row needs one."),
        ("a,cheap,,\n", "profile.csv:2: cost: 'cheap' is not a number; write it in digits, such as 0.0002."),
        ("a,1,-1,\n", "profile.csv:2: value: -1 is less than 0; correct it."),
        ("a,1,,1\nb,1,,\n", "profile.csv:3: volume is empty; every row needs one."),
        ("a,1,,-1\n", "profile.csv:2: volume: -1 is less than 0; correct it."),
        ("a,1,,\nb,1,,\na,2,,\n", "profile.csv:4: 'a' stands in line 2 too; keep one line for each."),
        (
            "a,1,,\nb,0,,\n",
            "profile.csv:3: 'b' costs 0, and nothing is a multiple of that; correct its cost, or name another base.",
        ),
        (
            "a,1,,0\n",
            "profile.csv: The mix spends 0 credits, and so a credit costs nothing; give calls that are not free.",
        ),
        ("a,1,0,\n", "profile.csv: Every operation is free, so that a credit has no price; give one of them a price."),
    ],
)
def test_a_bad_row_gets_a_sentence_with_file_line_and_value(meter, profile, rows, sentence):
    ended = meter("table", "build", profile(HEADER + rows))

    assert (ended.code, ended.data, ended.talk.strip()) == (1, "", sentence)


def test_a_missing_column_is_named_with_those_that_are_there(meter, profile):
    ended = meter("table", "build", profile("operation,price\na,1\n"))

    assert ended.code == 1
    assert ended.talk.startswith("profile.csv:1: there is no column 'cost'; there are operation, price")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--base", "image.stor"],
            "'image.stor' is not among the operations, and no base; did you mean 'image.store'?",
        ),
        (["--ladder", "1,4,9"], "112.5 is above 9, where the ladder your own ends"),
        (["--blended-cost", "0.0003"], "makes a credit cost 0.0003: they cost from 0.00015 to 0.0002 a credit"),
        (["--blended-cost", "0.0002", "--price", "1"], "A price needs no blended cost"),
        (["--blended-cost", "0.0002", "--rounding", "margin_safe"], "margin_safe needs a price before"),
    ],
)
def test_choices_that_the_profile_does_not_allow_are_refused(meter, options, sentence):
    ended = meter("table", "build", ARTICLE, *options)

    assert ended.code == 1
    assert ended.talk.startswith(f"{ARTICLE}: ")
    assert sentence in ended.talk


def test_a_blended_cost_that_is_possible_makes_the_price(meter):
    ended = meter("table", "build", ARTICLE, "--blended-cost", "0.00016", "--margin", "0.2", "--json")

    assert ended.json()["price_per_credit"] == Decimal("0.0002")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--ladder", "artcle"], ["'artcle' is no ladder; did you mean 'article'?"]),
        (["--rounding", "ceiling"], ["'ceiling' is no rounding; did you mean 'ceil'?"]),
        (["--margin", "1"], ["--margin", "A margin of 1 can't be aimed at"]),
        (["--margin", "-0.1"], ["--margin", "A margin of -0.1"]),
        (["--price", "0"], ["--price", "0 is no price of a credit"]),
        (["--price", "cheap"], ["--price", "'cheap' is not a number"]),
        (["--blended-cost", "-1"], ["--blended-cost", "A cost of -1 is less than 0"]),
    ],
)
def test_an_option_that_cannot_be_is_a_wrong_use(meter, options, words):
    ended = meter("table", "build", ARTICLE, *options)

    assert (ended.code, ended.data) == (2, "")
    assert all(word in ended.talk for word in words)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1\nfive\n", "mine.txt:2: 'five' is not a number; write it in digits, such as 0.0002."),
        ("5\n1\n", "mine.txt: 1 stands after 5; let the steps rise."),
        ("1 " * 40_000, "mine.txt: it has more than 65536 bytes, and is no ladder; write numbers such as 1,3,10."),
    ],
)
def test_a_file_that_is_no_ladder_is_refused(meter, profile, text, sentence):
    ended = meter("table", "build", ARTICLE, "--ladder", profile(text, "mine.txt"))

    assert (ended.code, ended.talk.strip()) == (1, sentence)


def test_a_ladder_that_is_no_text_is_refused(meter, tmp_path):
    (tmp_path / "mine.txt").write_bytes(b"\xff1")

    ended = meter("table", "build", ARTICLE, "--ladder", str(tmp_path / "mine.txt"))

    assert ended.talk.endswith("mine.txt: byte 0 is not UTF-8; write numbers such as 1,3,10.\n")


def test_the_policy_that_is_written_is_one_that_check_accepts(meter, tmp_path):
    file = tmp_path / "policy.yaml"

    assert meter("table", "build", ARTICLE, "--ladder", "E3", "--policy", str(file)).code == 0
    assert meter("check", "--policies", str(file)).code == 0
    analyse, resize = (load(file).operations[name] for name in ("image.analyse", "image.resize"))
    assert (analyse.title, analyse.price.base) == ("AI analysis", 100_000_000)
    assert (resize.price.base, resize.rounding.step) == (4_700_000, 100_000)


def test_odd_names_and_free_calls_stand_in_the_policy_as_they_are(meter, profile):
    file = profile('operation,cost,value,title\n1.5,1,1,\nnull,2,1,"Say ""hi"": #1"\nhealth,0,0,\n')
    meter("table", "build", file, "--base", "1.5", "--policy", "policy.yaml")
    operations = load(Path("policy.yaml")).operations

    assert [(one.name, one.title, one.free) for one in operations.values()] == [
        ("1.5", "1 5", False),
        ("null", 'Say "hi": #1', False),
        ("health", "Health", True),
    ]


@pytest.mark.parametrize("name", ["Image upload", "a: b", "#a", "- a", "é"])
def test_a_policy_that_check_would_refuse_is_not_written(meter, profile, name):
    ended = meter("table", "build", profile(f"operation,cost\n{name},1\n"), "--policy", "policy.yaml")

    assert ended.code == 1
    assert f"{name!r} is not a name; write 1 to 64 letters" in ended.talk
    assert not Path("policy.yaml").exists()


def test_a_policy_is_never_written_over_a_file(meter, profile):
    there = profile("mine\n", "policy.yaml")
    ended = meter("table", "build", ARTICLE, "--policy", there)

    assert ended.code == 1
    assert "policy.yaml is there already, and is not written over" in ended.talk
    assert Path(there).read_text() == "mine\n"


def test_measured_columns_cost_what_the_rate_card_says(meter, profile):
    rates = profile(RATES, "rates.yaml")
    file = profile(
        "operation,cpu_ms,bandwidth_kb,memory_mb,duration_ms,third_party\na,100,500,,,\nb,100,,1000,200,0.5\n"
    )
    ended = meter("table", "build", file, "--rates", rates, "--json")

    assert [line["cost"] for line in ended.json()["operations"]] == [Decimal("0.0015"), Decimal("0.601")]


def test_one_operation_may_be_measured_and_the_cost_of_another_known(meter, profile):
    rates = profile(RATES, "rates.yaml")
    file = profile("operation,cpu_ms,cost\na,100,\nb,,0.004\n")
    ended = meter("table", "build", file, "--rates", rates, "--json")

    assert [line["raw"] for line in ended.json()["operations"]] == [1, 4]


def test_the_measured_example_reaches_its_margin(meter):
    ended = meter("table", "build", MEASURED, "--rates", str(EXAMPLES / "rates.yaml"), "--base", "image.store")

    assert ended.code == 0
    assert max(map(len, ended.data.splitlines()[:7])) <= 80


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cpu_ms\na,100\n", None),
        ("cpu_ms,cost\na,100,2\n", "profile.csv:2: cost: 2 stands beside cpu_ms, which the rate card prices; keep one"),
        ("cpu_ms\na,-100\n", "profile.csv:2: cpu_ms: -100 is less than 0; correct it."),
        ("cpu_ms,title\na,100,A\nb,,B\n", "profile.csv:3: cost is empty; every row needs one."),
        ("cpu_parsecs\na,100\n", "profile.csv:1: the column 'cpu_parsecs' is no unit; "),
        ("gpu_ms\na,100\n", "profile.csv:2: gpu_seconds is used (0.1) and has no rate; add it to the rate card"),
    ],
)
def test_what_the_rate_card_cannot_price_is_refused(meter, profile, text, sentence):
    rates = profile(RATES, "rates.yaml")
    ended = meter("table", "build", profile(f"operation,{text}"), "--rates", rates)

    assert ended.code == (1 if sentence else 0)
    assert ended.talk.startswith(sentence or "")


def test_measured_columns_without_a_rate_card_are_no_cost(meter):
    ended = meter("table", "build", MEASURED)

    assert ended.code == 1
    assert ended.talk.startswith(
        f"{MEASURED}:1: there is no column 'cost', and cpu_ms has no rate; give a rate card, --rates FILE."
    )

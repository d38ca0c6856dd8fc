"""``meter check --economics``: its formats, its exit codes, what it refuses, and what it says it left out."""

import json

import pytest

from meter.cli.economics.lint_formats import write
from meter.cli.economics.lint_options import Format
from meter.economics.lint.finding import Finding, Severity
from meter.economics.lint.linter import Linted
from meter.economics.lint.rules import RULES
from meter.policy.model import Place
from tests.cli.conftest import meter, policies  # noqa: F401 - fixtures

POLICY = """\
version: 1
operations:
  a: {credits: 1}
routes:
  - {match: GET /a, operation: a}
adjustments:
  - {name: surge, load: {above: 0.9}, multiply: 2}
"""
FINE = POLICY.replace("above: 0.9", "above: 0.9, until: 0.8")
REMARK = FINE.replace("routes:", "  idle: {credits: 2}\nroutes:")
REFUSED = FINE.replace("multiply: 2", "multiply: 0.5").replace("operations:", "rounding: {mode: floor}\noperations:")
BROKEN = FINE.replace("operation: a}", "operation: b}")


@pytest.fixture
def check(meter, tmp_path):  # noqa: F811
    """Lint a policy in a file."""

    def run(text, *arguments):
        path = tmp_path / "api.yaml"
        path.write_text(text, encoding="utf-8")
        return meter("check", "--economics", "--policies", str(path), *arguments)

    return run


@pytest.fixture
def file(tmp_path):
    """Write a file, and name it."""

    def written(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


def codes(ended):
    return [one["code"] for one in ended.json()["findings"]]


def test_a_finding_shows_its_line_its_fix_and_its_page(check, tmp_path):
    ended = check(POLICY)

    assert ended.code == 1
    assert ended.data == (
        "warning[MTR306]: surge goes on above 0.9 and off below the same load: prices flap around it\n"
        f" --> {tmp_path}/api.yaml:7:5\n"
        "  |\n"
        "7 |   - {name: surge, load: {above: 0.9}, multiply: 2}\n"
        "  |     ^\n"
        "  = fix: write the load below which it ends, such as until: 0.81.\n"
        "  = see: docs/rules/MTR306.md (no-hysteresis)\n"
        "\n"
        "Found 0 errors, 1 warning and 0 remarks.\n"
    )


def test_a_concise_finding_is_one_line(check, tmp_path):
    (line,) = check(POLICY, "--format", "concise").data.splitlines()

    assert line.startswith(f"{tmp_path}/api.yaml:7:5: MTR306 surge goes on above 0.9")
    assert line.endswith("; write the load below which it ends, such as until: 0.81.")


def test_scripts_get_every_part(check, tmp_path):
    ended = check(POLICY, "--json")
    (finding,) = ended.json()["findings"]

    assert finding == {
        "code": "MTR306",
        "name": "no-hysteresis",
        "severity": "warning",
        "file": f"{tmp_path}/api.yaml",
        "line": 7,
        "column": 5,
        "problem": "surge goes on above 0.9 and off below the same load: prices flap around it",
        "fix": "write the load below which it ends, such as until: 0.81.",
        "page": "docs/rules/MTR306.md",
    }
    assert {"code": "MTR103", "needs": ["a ladder (--ladder)"]} in ended.json()["skipped"]


def one(severity=Severity.ERROR, file="a.yaml", problem="wrong", line=3):
    return Finding(
        code="MTR104",
        name="free-by-rounding",
        severity=severity,
        place=Place(file=file, line=line, column=7),
        problem=problem,
        fix="mend it.",
    )


def written(capsys, how, *findings, texts=()):
    write(Linted(findings=findings), dict(texts), how)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("severity", "word"), [(Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "notice")]
)
def test_github_shows_a_finding_at_its_line(capsys, severity, word):
    assert written(capsys, Format.GITHUB, one(severity)) == (
        f"::{word} file=a.yaml,line=3,col=7,title=MTR104 free-by-rounding::wrong; mend it.\n"
    )


def test_github_commands_hold_nothing_that_ends_them(capsys):
    hostile = one(file="a%,b:c\n.yaml", problem="50 % off, at: 1\r\n::error::2")

    assert written(capsys, Format.GITHUB, hostile) == (
        "::error file=a%25%2Cb%3Ac%0A.yaml,line=3,col=7,title=MTR104 free-by-rounding::"
        "50 %25 off, at: 1%0D%0A::error::2; mend it.\n"
    )


def test_sarif_has_what_2_1_0_asks_for(capsys):
    said = json.loads(written(capsys, Format.SARIF, one(), one(Severity.INFO, file="/b c/ä.yaml")))
    (run,) = said["runs"]
    driver, (first, second) = run["tool"]["driver"], run["results"]

    assert said["version"] == "2.1.0"
    assert said["$schema"].endswith("sarif-2.1.0.json")
    assert (driver["name"], run["columnKind"]) == ("meter", "unicodeCodePoints")
    assert (first["level"], second["level"]) == ("error", "note")
    assert first["message"] == {"text": "wrong; mend it."}
    assert first["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "a.yaml"}, "region": {"startLine": 3, "startColumn": 7}}}
    ]
    (place,) = second["locations"]
    assert place["physicalLocation"]["artifactLocation"] == {"uri": "file:///b%20c/%C3%A4.yaml"}


def test_sarif_lists_every_rule_with_its_help_and_results_point_at_theirs(capsys):
    (run,) = json.loads(written(capsys, Format.SARIF, one()))["runs"]
    rules, (result,) = run["tool"]["driver"]["rules"], run["results"]

    assert [rule["id"] for rule in rules] == ["MTR001", *(rule.code for rule in RULES)]
    assert all(rule["help"]["text"] and rule["shortDescription"]["text"].endswith(".") for rule in rules)
    assert {rule["defaultConfiguration"]["level"] for rule in rules} == {"error", "warning", "note"}
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "MTR104"


def test_a_finding_beyond_the_text_is_shown_without_its_line(capsys):
    assert "|" not in written(capsys, Format.FULL, one(line=9), texts=[("a.yaml", "one line")])


def test_nothing_found_is_said_to_people_and_written_to_scripts(check):
    assert (check(FINE).code, check(FINE).data) == (0, "Nothing found.\n")
    assert check(FINE, "--format", "concise").data == check(FINE, "--format", "github").data == ""
    assert codes(check(FINE, "--format", "json")) == []
    assert json.loads(check(FINE, "--format", "sarif").data)["runs"][0]["results"] == []


def test_remarks_alone_fail_nothing(check):
    ended = check(REMARK, "--json")

    assert (ended.code, codes(ended)) == (0, ["MTR405"])


def test_what_is_left_out_on_purpose_fails_nothing(check):
    ended = check(POLICY, "--json", "--ignore", "MTR306")

    assert (ended.code, codes(ended)) == (0, [])


def test_a_refusal_is_a_finding_and_the_rest_is_linted(check):
    ended = check(REFUSED, "--json")

    assert ended.code == 1
    assert {"MTR001", "MTR104"} <= set(codes(ended))
    assert codes(check(REFUSED, "--json", "--ignore", "MTR001")).count("MTR001") == 0


def test_of_a_policy_with_other_mistakes_nothing_but_them_is_said(check):
    ended = check(BROKEN, "--json")

    assert (ended.code, set(codes(ended))) == (1, {"MTR001"})


def test_a_check_without_economics_still_refuses(meter, tmp_path):  # noqa: F811
    (tmp_path / "api.yaml").write_text(REFUSED, encoding="utf-8")
    ended = meter("check", "--policies", str(tmp_path / "api.yaml"))

    assert ended.code == 1
    assert ended.data.endswith(
        "1 × 0.5 floors to 0 credits; round half_up, or write a step below 1 or a higher price.\n"
    )


def test_rules_that_were_not_told_enough_are_said_to_be_skipped(check, file):
    talk = check(FINE, "--costs", file("costs.csv", "operation,cost\na,1\n")).talk.splitlines()

    assert "Skipped MTR403, MTR404: they need an OpenAPI document (--openapi FILE)." in talk
    assert "Skipped MTR103: it needs a ladder (--ladder)." in talk
    assert "Skipped MTR202, MTR205, MTR504: they need a price per credit (--price)." in talk


def test_later_files_go_before_earlier_ones_and_options_before_all(check, file):
    first = file("first.yaml", "price_per_credit: 0.1\ncosts: {a: 0.001}\n")
    second = file("second.yaml", "price_per_credit: 0.01\n")
    least = ("--costs", first, "--costs", second, "--json")

    assert codes(check(FINE, *least)) == []
    assert codes(check(FINE, *least, "--price", "0.0009")) == ["MTR202"]
    assert codes(check(FINE, *least, "--floor", "95%")) == ["MTR203"]


@pytest.mark.parametrize("name", ["costs.csv", "costs.jsonl"])
def test_costs_come_from_tables(check, file, name):
    text = "operation,cost\na,2\n" if name.endswith("csv") else '{"operation": "a", "cost": 2}\n'
    ended = check(FINE, "--json", "--price", "1", "--costs", file(name, text))

    assert codes(ended) == ["MTR202"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("operation,cost\na,-1\n", "2: cost: -1 is less than 0; correct it.", id="negative"),
        pytest.param("operation,cost\na,1ct\n", "2: cost: '1ct' is not a number; write it", id="a unit in the cell"),
        pytest.param(
            "operation,price\na,1\n", "1: there is no column 'cost'; there are operation, price.", id="column"
        ),
        pytest.param("operation,cost\na,1\na,2\n", "3: operation: a stands there twice, first in line 2.", id="twice"),
        pytest.param("operation,cost\n", " there is no row in it; write one line for each.", id="empty"),
        pytest.param("operation,cost,value\na,1,-2\n", "2: value: -2 is less than 0; correct it.", id="value"),
    ],
)
def test_a_table_that_cannot_be_is_refused(check, file, text, message):
    path = file("costs.csv", text)
    ended = check(FINE, "--costs", path)

    assert (ended.code, ended.data) == (1, "")
    assert ended.talk.startswith(f"{path}:{message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("costs: {a: -1}", "1:12: -1 is negative; write a number from 0 on.", id="negative cost"),
        pytest.param("price_per_credit: 0", "1:19: 0 is not above 0; write such as 0.001.", id="no price"),
        pytest.param("price: 1", "1:1: 'price' is not a key here; write one of price_per_credit,", id="unknown key"),
        pytest.param("target_margin: 1", "1:16: '1' is no margin; write a share from 0 to less", id="margin"),
        pytest.param("target_margin: 70 percent", "1:16: '70 percent' is not a number; write", id="unknown unit"),
        pytest.param("ladder: e7", "1:9: 'e7' is no ladder; write one of article,", id="unknown ladder"),
        pytest.param("ladder: 5,1", "1:9: 1 stands after 5; let the steps rise.", id="falling ladder"),
        pytest.param("zone: Berlin", "1:7: 'Berlin' is no time zone; write one such as Europe/Berlin.", id="zone"),
        pytest.param("costs: [1]", "1:8: this is no mapping; write a name and its value.", id="costs"),
        pytest.param("commitments: 3", "1:14: this is no list; write [100000].", id="commitments"),
        pytest.param("offers: {A: {price: 1}}", "1:10: credits is missing; write it.", id="half an offer"),
        pytest.param("offers: {A: {credits: 0, price: 1}}", "1:23: 0 is not above 0;", id="an offer of nothing"),
        pytest.param("blended_cost: [1]", "1:15: this is no number or word; write one value.", id="list"),
        pytest.param(
            "dashboard: {used: 1, day: 31, days: 30, projected: 1}",
            "1:27: day 31 is not in a period of 30 days; correct it.",
            id="a day after the period",
        ),
        pytest.param("", "1:1: there is nothing declared here; write", id="empty"),
        pytest.param("a: [", "", id="not YAML"),
    ],
)
def test_economics_that_cannot_be_are_refused(check, file, text, message):
    path = file("economics.yaml", text)
    ended = check(FINE, "--costs", path)

    assert (ended.code, ended.data) == (1, "")
    assert ended.talk.startswith(f"{path}:{message}")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("a.json", '{"paths": {\n', "2: the OpenAPI document is not JSON (", id="JSON"),
        pytest.param("a.yaml", "paths:\n  - [\n", "3: the OpenAPI document is not YAML (", id="YAML"),
        pytest.param("a.yaml", "openapi: 3.1.0\n", "1: there are no `paths` in it; name an", id="no paths"),
        pytest.param("a.json", '{"paths": []}', "1: there are no `paths` in it; name an", id="paths are a list"),
        pytest.param("a.yaml", "paths:\n  a: {get: {}}\n", "2:7: 'a' is no path; begin it with a slash.", id="path"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused(check, file, name, text, message):
    path = file(name, text)
    ended = check(FINE, "--openapi", path)

    assert (ended.code, ended.data) == (1, "")
    assert ended.talk.startswith(f"{path}:{message}")


def test_a_document_that_is_not_there_or_is_no_text_is_refused(check, tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"paths:\n  /\xe4: {}\n")

    assert check(FINE, "--openapi", "none.yaml").talk == "none.yaml: No such file or directory.\n"
    assert check(FINE, "--openapi", str(tmp_path / "latin.yaml")).talk == (
        f"{tmp_path}/latin.yaml:2: byte 10 is not UTF-8; save it as UTF-8.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--ignore", "MTR999"], "'MTR999' is no rule; did you mean", id="unknown code"),
        pytest.param(["--price", "0"], "0 is not above 0; write such as 0.001.", id="no price"),
        pytest.param(["--blended-cost", "-1"], "-1 is negative; write a number from 0 on.", id="negative cost"),
        pytest.param(["--margin", "100%"], "'100%' is no margin; write a share from 0", id="margin"),
        pytest.param(["--floor", "x"], "'x' is not a number; write it in digits", id="floor"),
        pytest.param(["--ladder", "fibonacci"], "'fibonacci' is no ladder; write one of article", id="ladder"),
        pytest.param(["--json", "--format", "sarif"], "--json and --format sarif contradict each other", id="formats"),
        pytest.param(["--format", "xml"], "'xml' is not one of 'full'", id="format"),
    ],
)
def test_options_that_cannot_be_meant_are_usage(check, arguments, message):
    ended = check(FINE, *arguments)

    assert (ended.code, ended.data) == (2, "")
    assert message in " ".join(ended.talk.replace("│", " ").split())


@pytest.mark.parametrize("option", ["--price", "--ladder", "--openapi", "--format", "--costs", "--ignore"])
def test_options_of_the_economics_are_no_use_without_them(meter, option):  # noqa: F811
    ended = meter("check", option, "full")

    assert ended.code == 2
    assert "belong to --economics" in ended.talk

"""The linter as a whole: the order of its findings, what is left out, what is skipped, and where things stand."""

from pathlib import Path

import pytest

from meter.economics.lint.finding import Need, Severity
from meter.economics.lint.linter import REFUSED, lint
from meter.economics.lint.outline import outline
from meter.economics.lint.rules import RULES
from meter.economics.lint.subject import Subject
from meter.policy.compile import Source, compile_policy
from meter.policy.load import load
from tests.economics.lint.linting import YEAR, linted, subject

POLICIES = Path(__file__).resolve().parents[3] / "policies"
WINDOW = '{name: night, time: {from: "02:00", to: "06:59", zone: UTC}, multiply: %s}'
FILE = """\
version: 1
operations: {%s: {credits: 10}}
routes: [{match: GET /%s, operation: %s}]
adjustments:%s
  - %s
"""
EVERYTHING = """\
price_per_credit: 1
target_margin: 0.5
margin_floor: 0.5
blended_cost: 1
ladder: 1-2-5
zone: UTC
costs: {a: 1}
bundles: {a: {buffer: 1}}
offers: {A: {credits: 1, price: 1}}
dashboard: {used: 1, day: 1, days: 1, projected: 1}
"""


def of_files(*texts: str) -> Subject:
    sources = [Source(file=f"{number}.yaml", text=text) for number, text in enumerate(texts)]
    places = {path: place for one in sources for path, place in outline(one.text, one.file).items()}
    return Subject(policy=compile_policy(sources), year=YEAR, places=places)


def test_codes_and_names_are_given_once():
    assert len({rule.code for rule in RULES} | {REFUSED}) == len(RULES) + 1
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert [rule.code for rule in RULES] == sorted(rule.code for rule in RULES)


def test_what_every_rule_needs_can_be_declared():
    policy = "operations: {a: {credits: 1}}\n"

    assert {need for _, needs in linted(policy).skipped for need in needs} == set(Need)
    assert linted(policy, EVERYTHING, "paths: {/a: {get: {}}}").skipped == ()


def test_findings_stand_in_the_order_of_their_places():
    policy = "operations: {a: {credits: 1}, b: {credits: 1.5}}\nadjustments:\n  - " + WINDOW % 0.7
    places = [(one.place.line, one.place.column) for one in linted(policy).findings]

    assert len(places) > 3
    assert places == sorted(places)


def test_a_rule_that_is_left_out_is_neither_found_nor_skipped():
    looked = subject("operations: {a: {credits: 1.5}}\n")
    left_out = lint(looked, ignore={"MTR105", "MTR103", "MTR405"})

    assert {one.code for one in lint(looked).findings} == {"MTR105", "MTR405"}
    assert left_out.findings == ()
    assert "MTR103" not in {rule.code for rule, _ in left_out.skipped}
    assert not left_out.failed


def test_a_remark_alone_is_no_failure():
    remark = linted("operations: {a: {credits: 1}}\n")

    assert [one.severity for one in remark.findings] == [Severity.INFO]
    assert not remark.failed


def test_adjustments_are_found_each_in_its_file():
    second = (WINDOW % 0.8).replace("night", "late")
    looked = of_files(FILE % ("a", "a", "a", "", WINDOW % 0.7), FILE % ("b", "b", "b", "  # other\n", second))
    places = [str(one.place) for one in lint(looked).findings if one.code == "MTR303"]

    assert places == ["0.yaml:5:41", "1.yaml:6:40"]


def test_windows_of_two_files_never_meet():
    early = '{name: early, time: {from: "01:00", to: "03:00", zone: UTC}, multiply: 0.9}'
    looked = of_files(FILE % ("a", "a", "a", "", WINDOW % 0.7), FILE % ("b", "b", "b", "", early))

    assert [one for one in lint(looked).findings if one.code == "MTR301"] == []


def test_what_no_route_matches_is_found_in_its_own_file():
    text = "version: 1\noperations: {a: {credits: 1}}\nroutes: [{match: GET /a, operation: a}]\n"
    looked = of_files(text, "version: 1\nunmatched: free\nroutes: [{match: GET /b, operation: a}]\n")

    assert [str(one.place) for one in lint(looked).findings if one.code == "MTR402"] == ["1.yaml:2:1"]


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param("", id="nothing"),
        pytest.param("unmatched: free\nplans: {p: {included: 1, period: month}}\n", id="plans alone"),
        pytest.param("operations: {health: {free: true}}\n", id="free alone"),
        pytest.param("operations: {chat: {credits: {base: 0, per: {query.n: 1}, at_most: 5}}}\n", id="by use alone"),
        pytest.param("operations: {a: {credits: 1}}\nplans: {p: {included: 0, period: month}}\n", id="an empty plan"),
        pytest.param("operations: {a: {credits: 0.000001}}\nrounding: {step: 0.000001}\n", id="a micro-credit"),
    ],
)
def test_policies_at_their_least_are_linted_with_everything_declared(policy):
    assert linted(policy, EVERYTHING, "paths: {/a: {get: {}}}").skipped == ()


def test_the_ready_policies_are_linted():
    """One of them has a price of 1 whose discounts round to nothing, which the minimum makes 1 again."""
    errors = set()
    for path in sorted(POLICIES.glob("*.yaml")):
        looked = Subject(policy=load(path), year=YEAR, places=outline(path.read_text("utf-8"), str(path)))
        errors |= {one.code for one in lint(looked).findings if one.severity is Severity.ERROR}

    assert errors == {"MTR104"}

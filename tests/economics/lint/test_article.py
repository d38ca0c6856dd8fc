"""The article's own configuration through the linter: its mistakes are named one by one."""

import json
import re
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

from meter.cli import main

ROOT = Path(__file__).resolve().parents[3]
ARTICLE = ROOT / "examples" / "economics" / "article"
DOCUMENT = ROOT / "docs" / "lint.md"
OPTIONS = {
    "policy.yaml": ("--costs", str(ARTICLE / "costs.csv"), "--costs", str(ARTICLE / "economics.yaml")),
    "asides.yaml": (
        *("--costs", str(ARTICLE / "asides.csv"), "--price", "0.001", "--margin", "0.7", "--floor", "0.5"),
        *("--ladder", "1,5,10,50,100,500,1000"),
    ),
}
"""Each policy of the article, with what it is held against."""


class Flaw(NamedTuple):
    """A finding that has to be there."""

    policy: str
    code: str
    at: str
    """What stands where the finding points: a file, and the beginning of the text there."""
    says: tuple[str, ...]


def image_api(code: str, at: str, *says: str, name: str) -> object:
    return pytest.param(Flaw("policy.yaml", code, at, says), id=f"{code}-{name}")


def aside(code: str, at: str, *says: str, name: str) -> object:
    return pytest.param(Flaw("asides.yaml", code, at, says), id=f"{code}-{name}")


FLAWS = [
    # The table.
    image_api(
        "MTR001", "policy.yaml 1}", "1 × 0.42", "0 credits", name="the gateway refuses to floor an upload to nothing"
    ),
    image_api("MTR104", "policy.yaml 1}", "image.store", "1 × 0.7", "0 (floor)", name="an upload is free at night"),
    image_api("MTR104", "policy.yaml 0.5}", "cached", "0.5", "0 (floor)", name="a cached request is free by day"),
    image_api("MTR105", "policy.yaml 0.5}", "0.5", "charged 1", name="half a credit can't be charged"),
    image_api("MTR106", "policy.yaml 1}", "load (× 1.5)", "1 stays 1", name="the busy hour's premium spares an upload"),
    image_api("MTR107", "policy.yaml 5}", "× 0.7", "× 0.6", "5 becomes 3", name="30 % off is 40 % off a resize"),
    image_api("MTR103", "policy.yaml 250}", "250", "100 or 500", name="250 is not on the text's ladder"),
    image_api("MTR103", "policy.yaml 2500}", "2500", "1000 or 5000", name="2500 is not on it"),
    image_api("MTR108", "policy.yaml 100}", "75 × 1.5 = 112.5", "costs 100", "11.1 %", name="112.5 becomes 100"),
    image_api("MTR109", "policy.yaml 5}", "worth 4", "costs 5", "25 %", name="a resize is lifted by a quarter"),
    aside(
        "MTR108", "asides.yaml 50000}", "100000", "costs 50000", "50 %", name="100,000 times the cost, half the price"
    ),
    aside("MTR102", "asides.yaml user.get", "6 operations", "4 distinct", name="three operations have one price"),
    # Margins.
    image_api("MTR201", "economics.yaml blended_cost", "0.0003", "0.00015 to 0.0002", name="no mix costs 0.0003"),
    image_api(
        "MTR208",
        "economics.yaml price_per_credit",
        "0.001",
        "1.5 times",
        "0.000666667",
        name="the price is 1.5 times what 70 % needs",
    ),
    aside(
        "MTR205", "asides.csv operation.a", "0.009", "is 0:", "10 credits × 0.001 − 0.01", name="a margin of 0.009 is 0"
    ),
    aside("MTR203", "asides.yaml 10}", "operation.a", "margin 0 %", "50 %", name="A is below the article's own alarm"),
    aside(
        "MTR202",
        "asides.yaml 10}",
        "operation.b",
        "0.01 against a cost of 0.05",
        "-400 %",
        name="B loses four times its price",
    ),
    aside("MTR204", "asides.yaml 10}", "operation.b", "167 credits", name="B has to cost 167 credits"),
    aside(
        "MTR206",
        "asides.yaml 10}",
        "operation.b costs 0.05",
        "operation.a 0.01",
        name="B is the better deal for callers",
    ),
    aside(
        "MTR202",
        "asides.yaml 10}",
        "ai.enhance",
        "0.01 against a cost of 0.08",
        "-700 %",
        name="the case study loses seven times its price",
    ),
    image_api(
        "MTR202",
        "policy.yaml 2500}",
        "pro, off-peak, commitment",
        "1,050 credits at 0.000396",
        "0.4158 against a cost of 0.5",
        "-20.3 %",
        name="a video on Pro at night and by commitment",
    ),
    image_api(
        "MTR203",
        "policy.yaml 250}",
        "pro, off-peak, commitment",
        "105 credits",
        "3.8 %",
        name="a cutout on Pro at night and by commitment",
    ),
    image_api(
        "MTR207", "policy.yaml inference", "cost of inference is not known", name="three prices come without a cost"
    ),
    # Conditions.
    image_api(
        "MTR305",
        "policy.yaml {name: off-peak",
        "21:00 to 02:00",
        "22:00 to 03:00",
        name="the night is five hours, not four, and an evening in New York",
    ),
    image_api("MTR306", "policy.yaml {name: load", "0.9", "0.81", name="prices flap at a load of 0.9"),
    image_api(
        "MTR308",
        "policy.yaml {name: off-peak",
        "0.7 × 0.6 = 0.42",
        "58 % off",
        name="night and commitment are 58 % off",
    ),
    image_api("MTR310", "policy.yaml 1000000", "1,000,000", "250,000", name="no plan reaches the second tier"),
    image_api("MTR311", "policy.yaml 100000:", "99,999", "80,001", name="from 80,001 on, 100,000 are cheaper"),
    image_api("MTR311", "policy.yaml 1000000:", "999,999", "750,001", name="from 750,001 on, a million is cheaper"),
    image_api("MTR405", "policy.yaml cached", "cached", name="no request can say that it will be cached"),
    # Plans, and what is published of them.
    image_api(
        "MTR501",
        "policy.yaml starter",
        "48.3 %",
        "50000 credits × 0.0003 = 15 of 29",
        "50 %",
        name="Starter is below the alarm",
    ),
    image_api(
        "MTR501",
        "policy.yaml pro",
        "24.2 %",
        "250000 credits × 0.0003 = 75 of 99",
        "50 %",
        name="Pro is below the alarm",
    ),
    image_api("MTR502", "policy.yaml starter", "79000", "120000", name="a second Starter at 79,000, Pro at 120,000"),
    image_api("MTR502", "policy.yaml pro", "349000", name="a second Pro at 349,000"),
    image_api("MTR504", "policy.yaml starter", "50 at the list", "29", "42 % off", name="Starter is 42 % off the list"),
    image_api("MTR504", "policy.yaml pro", "250 at the list", "99", "60.4 % off", name="Pro is 60.4 % off the list"),
    image_api("MTR505", "policy.yaml free", "50 accounts", "29", name="fifty free accounts are a Starter"),
    image_api(
        "MTR506", "economics.yaml starter", "29000", "50750", "50000", "72.4 %", name="a buffer of 75 % is 50,750"
    ),
    image_api("MTR507", "economics.yaml breakdown", "38 + 46 + 15 = 99 %", name="the dashboard's parts are 99 %"),
    image_api("MTR508", "economics.yaml projected", "48600", "48675", name="48,600 is 48,675"),
    image_api(
        "MTR509",
        "policy.yaml starter",
        "0.58",
        "0.583333",
        "0.625",
        name="Starter is cheaper than both that it matches",
    ),
]


@cache
def linted(policy: str) -> tuple[dict[str, object], ...]:
    """What the linter says of one of the article's policies."""
    said = StringIO()
    arguments = ["check", "--policies", str(ARTICLE / policy), "--economics", *OPTIONS[policy], "--format", "json"]
    with pytest.raises(SystemExit) as left, redirect_stdout(said), redirect_stderr(StringIO()):
        main(arguments)
    assert left.value.code == 1
    return tuple(json.loads(said.getvalue())["findings"])


def plain(sentence: object) -> str:
    """A sentence without the commas between thousands."""
    return re.sub(r"(?<=\d),(?=\d{3})", "", str(sentence))


def stands_there(finding: dict[str, object]) -> str:
    """The name of the file that a finding points at, and the rest of its line."""
    path = Path(str(finding["file"]))
    line = path.read_text(encoding="utf-8").splitlines()[int(str(finding["line"])) - 1]
    return f"{path.name} {line[int(str(finding['column'])) - 1 :]}"


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_mistake_of_the_article_is_named(flaw):
    there = [one for one in linted(flaw.policy) if one["code"] == flaw.code and stands_there(one).startswith(flaw.at)]
    sentences = [f"{one['problem']}; {one['fix']}" for one in there]

    assert any(all(plain(word) in plain(said) for word in flaw.says) for said in sentences), sentences


def test_every_code_that_the_article_lights_is_held_here():
    lit = {one["code"] for policy in OPTIONS for one in linted(policy)}

    assert lit == {row.values[0].code for row in FLAWS}


def test_the_document_explains_every_code_that_the_article_lights():
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition("\n## What the article gets wrong\n")
    wrong, _, _ = rest.partition("\n## ")

    assert set(re.findall(r"MTR\d{3}", wrong)) == {one["code"] for policy in OPTIONS for one in linted(policy)}

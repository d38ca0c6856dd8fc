"""The cases of the golden file that pricing has a part in."""

import json
from dataclasses import replace
from fractions import Fraction
from math import prod
from pathlib import Path

import pytest

from meter.credits import Rounding, parse
from meter.pricing.conditions import Conditions
from meter.pricing.quote import price
from tests.pricing.make import ALL_THREE, AT_THREE, NIGHT, operation

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "economics.json").read_text())
CASES = {case["id"]: case for case in GOLDEN["cases"]}
NIGHTS = [name for name in CASES if name.startswith("NIGHT-")]


def test_the_file_holds_the_cases():
    assert len(NIGHTS) == 9


@pytest.mark.parametrize("name", NIGHTS)
def test_a_discount_in_steps_of_a_thousandth_loses_nothing(name):
    given, expected = CASES[name]["input"], CASES[name]["expected"]
    step = parse(given["step"])
    night = replace(NIGHT, multiply=Fraction(given["num"], given["den"]))
    asked = operation("a", str(given["credits"]), adjustments=(night,), rounding=Rounding(step=step, minimum=step))

    found = price(asked, Conditions(moment=AT_THREE), "v1")

    assert found.credits == expected * step


def test_the_stack_of_night_and_commitment_is_worth_what_its_factors_say():
    given, expected = CASES["STACK-1"]["input"], CASES["STACK-1"]["expected"]
    conditions = Conditions(moment=AT_THREE, commitment=parse(str(given["plan_credits"])))

    found = price(operation("a", "1", adjustments=ALL_THREE), conditions, "v1")
    net = prod(factor.multiply for factor in found.factors) * Fraction(given["plan_price"]) / given["plan_credits"]

    assert sorted(factor.multiply for factor in found.factors) == sorted(map(Fraction, given["multipliers"]))
    assert net == Fraction(expected["net"])

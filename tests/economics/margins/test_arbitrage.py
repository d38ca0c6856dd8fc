"""What a policy leaves open, without a call: batches, corners, stacked plans."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from meter.economics.margins.arbitrage import Kind, arbitrages
from meter.policy.compile import Source, compile_policy

MONDAY = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROUTES = "routes: [{match: POST /a, operation: image.resize}]\n"


def found(text, costs=None, kind=None):
    policy = compile_policy([Source(file="api.yaml", text="version: 1\n" + text + ROUTES)])
    return [one for one in arbitrages(policy, costs or {}, MONDAY) if kind is None or one.kind is kind]


@pytest.mark.parametrize("name", ["image.resize.batch", "image.bulk-resize", "batch.image.resize"])
def test_a_batch_that_costs_less_for_each_than_one_by_one_is_named(name):
    batch = f"{name}: {{credits: {{base: 5, per: {{query.count: 2}}}}}}"

    (one,) = found(f"operations: {{image.resize: {{credits: 5}}, {batch}}}\n")

    assert (one.kind, one.subject, one.worse) == (Kind.BATCH, name, Fraction(3, 5))
    assert one.sentence == (
        f"{name} costs 2 credits for each of query.count, and image.resize 5 credits: 60.0 % less, in any number."
    )


@pytest.mark.parametrize(
    "batch",
    ["image.resize.batch: {credits: {per: {query.count: 5}}}", "image.crop.batch: {credits: {per: {query.count: 1}}}"],
    ids=["as dear", "of nothing else"],
)
def test_a_batch_that_saves_nothing_is_not_named(batch):
    assert found(f"operations: {{image.resize: {{credits: 5}}, {batch}}}\n") == []


CORNERS = """\
operations: {image.resize: {credits: 5}}
adjustments:
  - {name: night, time: {from: "02:00", to: "07:00", zone: Europe/Berlin, weekdays: [sat]}, multiply: 0.7}
  - {name: surge, load: {above: 0.9}, multiply: 1.5}
  - {name: commitment, commitment: {100000: 0.8, 1000000: 0.6}}
plans:
  free: {included: 1000}
  pro: {included: 100000, price: "100", currency: USD, discount: 0.9}
"""


def test_the_worst_corner_of_night_commitment_and_plan_is_found_and_named():
    (one,) = found(CORNERS, {"image.resize": Fraction("0.0025")})

    # 5 × 0.7 × 0.6 × 0.9 = 1.89, rounded to 2 credits of a tenth of a cent.
    assert one.sentence == (
        "image.resize costs 0.0025 a call, and is paid with 2 credits worth 0.002 on plan pro, at Sat 01:00 UTC, "
        "committed to 1000000 a month, at 90 % of the price."
    )
    assert one.worse == Fraction(1, 4)


def test_a_corner_that_pays_its_cost_is_no_finding():
    assert found(CORNERS, {"image.resize": Fraction("0.002")}) == []


def test_a_plan_that_may_not_call_an_operation_is_no_corner_of_it():
    barred = CORNERS.replace("discount: 0.9", "discount: 0.9, operations: [image.crop]")

    assert found(barred.replace("credits: 5}", "credits: 5}, image.crop: {credits: 5}"), {"image.resize": 1}) == []


def test_an_operation_whose_cost_is_not_known_is_in_no_corner():
    assert found(CORNERS) == []


STACKS = """\
operations: {image.resize: {credits: 5}}
plans:
  starter: {included: 50000, price: "15", currency: USD}
  pro: {included: 250000, price: "99", currency: USD}
"""


def test_small_plans_that_give_as_much_as_a_large_one_for_less_are_named():
    (one,) = found(STACKS)

    assert (one.kind, one.subject, one.worse) == (Kind.STACKING, "pro", Fraction(24, 99))
    assert one.sentence == "5 × starter give 250000 credits for 75; pro gives 250000 for 99."


@pytest.mark.parametrize(
    ("was", "now"),
    [('"15"', '"19.8"'), ('"15", currency: USD', '"15", currency: EUR'), (" 50000,", " 50000, period: week,")],
    ids=["as dear", "another currency", "another period"],
)
def test_plans_that_cannot_be_stacked_for_less_are_not_named(was, now):
    assert found(STACKS.replace(was, now)) == []


def test_free_accounts_are_stacked_too_and_the_worst_comes_first():
    named = found(STACKS.replace("plans:", 'plans:\n  free: {included: 1000, price: "0", currency: USD}'))

    assert [(one.subject, one.worse) for one in named][:2] == [("pro", 1), ("starter", 1)]

"""Windows when clocks change, tiers that rise, routes that nothing reaches; and the worst corner, as really charged."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from meter.credits import MICRO, ZERO, Credits
from meter.economics.lint.corners import corners, states
from meter.policy.model import TimeAdjustment
from meter.pricing.conditions import CALM, Conditions
from meter.pricing.quote import NO_USAGE
from meter.pricing.reckoning import reckon
from tests.economics.lint.linting import YEAR, found, subject

NIGHT = """\
operations: {a: {credits: 10}}
routes: [{match: GET /a, operation: a}]
adjustments:
  - {name: night, time: {from: "%s", to: "%s", zone: %s%s}, multiply: 0.7}
"""

CORNERS = """\
rounding: {mode: half_up, step: 0.001, minimum: 0.001}
operations:
  a: {credits: 100}
  b: {credits: 100}
adjustments:
  - {name: night, time: {from: "22:00", to: "06:00", zone: Europe/Berlin}, multiply: 0.7}
  - {name: calm, load: {above: 0.1, until: 0.05}, multiply: 0.9}
  - {name: deal, commitment: {1000: 0.8, 100000: 0.5}}
plans:
  small: {included: 1000, period: month, price: "1", currency: USD, commitment: 1000}
  other: {included: 1000, period: month, price: "0.5", currency: USD, operations: [b]}
"""


def odd(start, end, zone="Europe/Berlin", more=""):
    return [one.problem for one in found("MTR304", NIGHT % (start, end, zone, more))]


def test_a_window_is_shorter_in_spring_and_longer_in_autumn():
    assert odd("01:00", "05:00") == [
        "night lasts 3 h instead of 4 h on 2026-03-29, when clocks change in Europe/Berlin",
        "night lasts 5 h instead of 4 h on 2026-10-25, when clocks change in Europe/Berlin",
    ]


def test_a_window_in_the_hour_that_is_left_out_does_not_happen():
    assert odd("02:00", "03:00") == [
        "night does not happen on 2026-03-29, when clocks change in Europe/Berlin",
        "night lasts 2 h instead of 1 h on 2026-10-25, when clocks change in Europe/Berlin",
    ]


def test_a_night_over_the_change_is_that_of_the_day_before():
    assert odd("22:00", "06:00") == [
        "night lasts 7 h instead of 8 h on 2026-03-28, when clocks change in Europe/Berlin",
        "night lasts 9 h instead of 8 h on 2026-10-24, when clocks change in Europe/Berlin",
    ]


@pytest.mark.parametrize(
    ("start", "end", "zone", "more"),
    [
        pytest.param("02:00", "05:00", "UTC", "", id="no clock changes in UTC"),
        pytest.param("04:00", "08:00", "Europe/Berlin", "", id="it begins after the change"),
        pytest.param("13:00", "12:59", "Europe/Berlin", ", weekdays: [mon]", id="clocks change on Sundays"),
        pytest.param("01:00", "05:00", "Europe/Berlin", ", weekdays: [mon, fri]", id="it is not open on Sundays"),
        pytest.param(
            "01:00", "05:00", "Europe/Berlin", ", first: 2026-03-30, last: 2026-10-24", id="it is for a summer"
        ),
    ],
)
def test_a_window_that_no_change_touches_is_spared(start, end, zone, more):
    assert odd(start, end, zone, more) == []


def test_a_window_on_sundays_alone_meets_the_change():
    assert len(odd("01:00", "05:00", more=", weekdays: [sun]")) == 2


def test_a_tier_that_rises_is_found_where_it_is_written():
    tiers = "operations: {a: {credits: 10}}\nadjustments:\n  - {name: deal, commitment: {100: 0.6, 1000: %s}}\n"
    (finding,) = found("MTR309", tiers % "0.8")

    assert (finding.place.line, finding.place.column) == (4, 41)
    assert finding.problem == "who commits to 1,000 credits pays × 0.8, more than × 0.6 below that"
    assert found("MTR309", tiers % "0.6") == []


def test_a_cliff_reaches_below_the_tier_before_it():
    text = "operations: {a: {credits: 10}}\nadjustments:\n  - {name: deal, commitment: {1000: 0.9, 2000: 0.4}}\n"
    _, second = found("MTR311", text)

    assert (
        second.problem
        == "1,999 credits at × 0.9 cost more than 2,000 credits at × 0.4: from 801 on the larger commitment is cheaper"
    )


def test_a_route_behind_a_wider_one_is_not_reached():
    operations = "operations: {a: {credits: 1}, b: {credits: 2}}\nroutes:\n"
    wide, narrow = (
        "  - {match: GET /x, operation: a, when: {query: {size: '*'}}}\n",
        "  - {match: GET /x, operation: b, when: {query: {size: large}}}\n",
    )
    (finding,) = found("MTR401", operations + wide + narrow)

    assert finding.problem.startswith(
        "no request reaches GET /x when size=large: GET /x when size=* at policy.yaml:4:5"
    )
    assert found("MTR401", operations + narrow + wide) == []


@pytest.mark.parametrize("name", ["a", "b"])
def test_every_corner_is_charged_by_what_charges_calls(name):
    looked = subject(CORNERS)
    operation = looked.policy.operations[name]

    for one in looked.corners[name]:
        assert one.reckoning == reckon(operation, one.conditions, NO_USAGE)


def test_no_hour_load_or_commitment_is_cheaper_than_the_worst_corner():
    looked = subject(CORNERS)
    operation = looked.policy.operations["a"]
    worst = min(one.reckoning.credits for one in looked.corners["a"])
    asked = [
        Conditions(moment=datetime(YEAR, month, 15, hour, tzinfo=UTC), load=load, commitment=Credits(committed * MICRO))
        for month in (1, 7)
        for hour in range(24)
        for load in (CALM, *(one.conditions.load for one in looked.corners["a"]))
        for committed in (0, 999, 1000, 100_000, 10**9)
    ]

    assert worst == min(reckon(operation, one, NO_USAGE).credits for one in asked) == 31_500_000


def test_plans_that_may_not_call_an_operation_are_no_corner_of_it():
    looked = subject(CORNERS)

    assert {one.plan for one in looked.corners["a"]} == {"small"}
    assert {one.plan for one in looked.corners["b"]} == {"small", "other"}


def test_the_worst_corner_is_the_plan_whose_credits_are_cheapest():
    looked = subject(CORNERS, "price_per_credit: 0.001")

    assert looked.price_on("other") == Fraction(1, 2000)
    assert looked.price_on("small") == looked.price_on(None) == Fraction(1, 1000)
    (finding,) = found("MTR202", CORNERS, "price_per_credit: 0.001\ncosts: {a: 0.0315, b: 0.0315}")
    assert finding.problem.startswith("b is sold below cost at its worst corner (on plan other, night, calm, deal,")


def test_accounts_commitments_are_corners_too():
    looked = subject(CORNERS)
    operation = looked.policy.operations["a"]
    own = Credits(5000 * MICRO)

    assert own in {one.conditions.commitment for one in corners(looked.policy, operation, [own], YEAR)}
    assert own not in {one.conditions.commitment for one in corners(looked.policy, operation, [], YEAR)}


VERSIONS = """\
prices:
  - {version: first}
  - {version: second, effective_at: 2026-06-15T12:00:00Z, operations: {a: 80}}
"""


def test_a_coming_price_is_a_corner_by_day_and_by_night():
    looked = subject(CORNERS + VERSIONS)
    by_night = {
        (one.reckoning.base // MICRO, "night" in {factor.name for factor in one.reckoning.factors})
        for one in looked.corners["a"]
    }

    assert by_night == {(100, False), (100, True), (80, False), (80, True)}


def test_a_price_that_is_over_is_no_corner():
    over = VERSIONS.replace("2026-06-15", "2025-06-15")

    assert {one.reckoning.base for one in subject(CORNERS + over).corners["a"]} == {Credits(80 * MICRO)}


def test_a_year_has_every_state_of_its_windows():
    looked = subject(CORNERS)
    windows = tuple(one for one in looked.policy.operations["a"].adjustments if isinstance(one, TimeAdjustment))

    assert set(states(windows, YEAR)) == {frozenset(), frozenset({"night"})}
    assert states((), YEAR) == {}
    assert ZERO in {one.conditions.commitment for one in looked.corners["b"]}

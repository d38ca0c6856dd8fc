"""What calls cost, and why."""

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from math import prod
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.credits import LIMIT, AmountError, Credits, Rounding, RoundingMode, parse, text
from meter.policy.model import CommitmentAdjustment, TimeAdjustment
from meter.pricing.conditions import CALM, Conditions, LoadReading
from meter.pricing.quote import price
from meter.pricing.record import re_rate
from tests.pricing.make import ALL_THREE, AT_THREE, BUSY, COMMITTED, NIGHT, NOON, free, operation, rated

POLICY = "0123456789abcdef"


def cost(asked, conditions: Conditions, usage=None) -> str:
    return text(price(asked, conditions, POLICY, usage).credits)


def under(*, night: bool = False, busy: bool = False, committed: bool = False) -> Conditions:
    return Conditions(
        moment=AT_THREE if night else NOON,
        load=BUSY if busy else CALM,
        commitment=COMMITTED if committed else Credits(0),
    )


@pytest.mark.parametrize(
    ("base", "conditions", "costs"),
    [
        pytest.param("100", under(), "100", id="nothing applies"),
        pytest.param("100", under(night=True), "70", id="03:00"),
        pytest.param("100", under(busy=True), "150", id="load 0.95"),
        pytest.param("100", under(committed=True), "60", id="commitment 1 000 000"),
        pytest.param("100", under(night=True, busy=True, committed=True), "63", id="all three"),
        pytest.param("90", under(night=True), "63", id="not 62, as binary floats have it"),
        pytest.param("1", under(night=True), "1", id="never less than the minimum"),
        pytest.param("5", under(night=True), "4", id="3.5 rounds up"),
        pytest.param("2500", under(night=True), "1750", id="a video at night"),
    ],
)
def test_the_image_api_costs(base, conditions, costs):
    assert cost(operation("image", base, adjustments=ALL_THREE), conditions) == costs


@pytest.mark.parametrize(
    ("mode", "costs"),
    [("half_up", "3"), ("half_even", "2"), ("floor", "2"), ("ceil", "3")],
)
def test_a_price_is_rounded_by_the_declared_mode(mode, costs):
    rounded = operation("a", "2.5", rounding=Rounding(mode=RoundingMode(mode)))

    assert cost(rounded, under()) == costs


@pytest.mark.parametrize("mode", RoundingMode)
def test_ninety_at_seven_tenths_is_sixty_three_however_it_is_rounded(mode):
    """In binary floats it is a little less, and rounded down 62."""
    assert cost(operation("a", "90", adjustments=ALL_THREE, rounding=Rounding(mode=mode)), under(night=True)) == "63"


def test_factors_are_not_rounded_in_between():
    twice = (NIGHT, replace(NIGHT, name="twice", multiply=Fraction("0.7")))

    assert cost(operation("a", "5", adjustments=twice), under(night=True)) == "2"


def test_a_step_below_one_credit_keeps_decimals():
    fine = Rounding(step=parse("0.01"), minimum=parse("0.01"))

    assert cost(operation("a", "0.5", adjustments=ALL_THREE, rounding=fine), under(night=True)) == "0.35"


@pytest.mark.parametrize(
    ("maximum", "costs"), [("120", "120"), ("150", "150"), ("200", "150")], ids=["above", "at", "below"]
)
def test_a_price_is_cut_to_its_maximum(maximum, costs):
    assert cost(operation("a", "100", adjustments=ALL_THREE, maximum=parse(maximum)), under(busy=True)) == costs


def test_rounding_up_never_passes_the_maximum():
    assert cost(operation("a", "2.7", maximum=parse("2.6")), under()) == "2.6"


def test_a_maximum_also_stands_above_amounts_that_could_not_be_written():
    huge = operation("a", "9000000000", adjustments=ALL_THREE, maximum=parse("100"))

    assert cost(huge, under(busy=True)) == "100"


def test_a_price_above_all_amounts_is_an_error_that_says_so():
    with pytest.raises(AmountError, match="out of range"):
        cost(operation("a", "9000000000", adjustments=ALL_THREE), under(busy=True))


LISTED = operation("users.list", rated("1", {"query.limit": "0.01"}, "100"))
CHAT = operation("chat", rated("1", {"tokens": "0.002"}, "50"), adjustments=ALL_THREE)


@pytest.mark.parametrize(
    ("usage", "costs"),
    [
        pytest.param({"query.limit": Fraction(250)}, "4", id="base and use: 3.5, rounded"),
        pytest.param({"query.limit": Fraction(0)}, "1", id="the base alone"),
        pytest.param({"query.limit": Fraction(10**9)}, "100", id="at most the ceiling"),
        pytest.param({"query.limit": None}, "100", id="no number: the ceiling"),
        pytest.param({}, "100", id="not read: the ceiling"),
        pytest.param(None, "100", id="nothing read: the ceiling"),
    ],
)
def test_a_use_known_before_is_part_of_the_price(usage, costs):
    assert cost(LISTED, under(), usage) == costs


def test_a_use_that_the_answer_decides_is_quoted_at_its_ceiling():
    assert cost(CHAT, under()) == "50"


def test_the_ceiling_is_that_of_the_price_before_adjustments():
    assert cost(CHAT, under(busy=True)) == "75"


def test_a_missing_use_without_ceiling_is_an_error_that_names_it():
    with pytest.raises(AmountError, match=r"query\.limit could not be read and its price has no ceiling"):
        cost(operation("a", rated("1", {"query.limit": "1"})), under())


def test_what_is_free_costs_nothing_and_says_so():
    found = price(replace(free("health"), adjustments=ALL_THREE), under(busy=True), POLICY)

    assert (found.credits, found.trace, found.factors) == (0, ("health is free: 0 credits.",), ())


def test_the_trace_tells_every_step():
    found = price(
        operation("image", "100", adjustments=ALL_THREE), under(night=True, busy=True, committed=True), POLICY
    )

    assert found.trace == (
        "image costs 100 credits.",
        "off-peak (02:00 to 07:00 UTC) multiplies by 0.7: 70 credits.",
        "surge (load 0.95; on above 0.9, off below 0.8) multiplies by 1.5: 105 credits.",
        "commitment (commitment of 1000000 credits; from 1000000 credits on) multiplies by 0.6: 63 credits.",
        "The price is 63 credits.",
    )


def test_the_trace_tells_rounding_and_minimum():
    found = price(operation("image", "0.5", adjustments=ALL_THREE), under(night=True), POLICY)

    assert found.trace[-3:] == (
        "Rounded half up to a step of 1 credit: 0 credits.",
        "The minimum is 1 credit.",
        "The price is 1 credit.",
    )


def test_the_trace_tells_the_maximum():
    found = price(operation("a", "100.4", maximum=parse("100")), under(), POLICY)

    assert found.trace[1:] == ("The maximum is 100 credits.", "The price is 100 credits.")


def test_the_trace_tells_uses():
    found = price(LISTED, under(), POLICY, {"query.limit": Fraction(250)})

    assert found.trace[1:3] == (
        "query.limit adds 250 × 0.01 credits = 2.5 credits.",
        "Together that is 3.5 credits, with a ceiling of 100 credits.",
    )


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        pytest.param(LISTED, "query.limit, at 0.01 credits each, is missing or no plain number", id="not read"),
        pytest.param(CHAT, "tokens, at 0.002 credits each, is known after the answer", id="not yet known"),
    ],
)
def test_the_trace_tells_why_the_ceiling_counts(asked, why):
    assert f"{why}: the ceiling counts." in price(asked, under(), POLICY).trace


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param(Conditions(moment=NOON, drill=True), id="clock"),
        pytest.param(Conditions(moment=NOON, load=LoadReading(drill=True)), id="load"),
    ],
)
@pytest.mark.parametrize("asked", [operation("a", "1"), free("b")], ids=["priced", "free"])
def test_a_drill_is_named_in_trace_and_record(conditions, asked):
    found = price(asked, conditions, POLICY)

    assert "drill" in found.trace[-1]
    assert json.loads(found.record)["drill"] is True


def test_a_quote_holds_for_its_minute_in_any_zone():
    later = (AT_THREE + timedelta(seconds=59.9)).astimezone(ZoneInfo("Asia/Kathmandu"))

    first, second = (price(operation("a"), Conditions(moment=moment), POLICY) for moment in (AT_THREE, later))

    assert first == second
    assert second.moment == datetime(2026, 11, 22, 3, tzinfo=UTC)


BASES = st.integers(0, 10**12).map(Credits)
MULTIPLIERS = st.decimals(min_value="0.01", max_value=4, places=3).map(Fraction)
ROUNDINGS = st.builds(
    lambda mode, step, steps: Rounding(mode=mode, step=Credits(step), minimum=Credits(step * steps)),
    st.sampled_from(RoundingMode),
    st.sampled_from([1, 1000, 10_000, 500_000, 1_000_000, 5_000_000]),
    st.integers(0, 5),
)
ADJUSTMENTS = st.lists(
    MULTIPLIERS.map(lambda multiply: replace(NIGHT, multiply=multiply, end=time(2))), max_size=4
).map(tuple)


def based(base: Credits, adjustments: tuple[TimeAdjustment, ...], rounding: Rounding):
    return operation("a", text(base), adjustments=adjustments, rounding=rounding)


@given(base=BASES, adjustments=ADJUSTMENTS, rounding=ROUNDINGS)
def test_a_price_is_within_one_step_of_the_exact_one_and_a_multiple_of_it(base, adjustments, rounding):
    exact = base * prod((one.multiply for one in adjustments), start=Fraction(1))

    found = price(based(base, adjustments, rounding), under(), POLICY).credits

    assert found % rounding.step == 0
    assert found == rounding.minimum or abs(found - exact) < rounding.step


@given(base=BASES, adjustments=ADJUSTMENTS, rounding=ROUNDINGS)
def test_a_price_is_never_below_its_minimum(base, adjustments, rounding):
    assert price(based(base, adjustments, rounding), under(), POLICY).credits >= rounding.minimum


@given(bases=st.tuples(BASES, BASES), adjustments=ADJUSTMENTS, rounding=ROUNDINGS)
def test_a_higher_base_is_never_cheaper(bases, adjustments, rounding):
    low, high = (price(based(base, adjustments, rounding), under(), POLICY).credits for base in sorted(bases))

    assert low <= high


@given(base=BASES, adjustments=ADJUSTMENTS, rounding=ROUNDINGS, data=st.data())
def test_factors_commute(base, adjustments, rounding, data):
    shuffled = tuple(data.draw(st.permutations(adjustments)))

    one, other = (price(based(base, order, rounding), under(), POLICY).credits for order in (adjustments, shuffled))

    assert one == other


USAGES = st.fixed_dictionaries({}, optional={"query.limit": st.none() | st.fractions(0, 10**6)})


@given(
    base=BASES,
    usage=USAGES,
    adjustments=ADJUSTMENTS,
    rounding=ROUNDINGS,
    at_most=st.integers(0, 10**12).map(Credits),
    maximum=st.none() | st.integers(1, LIMIT).map(Credits),
    conditions=st.builds(
        Conditions,
        moment=st.integers(0, 4 * 10**9).map(lambda second: datetime.fromtimestamp(second, UTC)),
        load=st.builds(LoadReading, on=st.frozensets(st.just("surge")), sample=st.fractions(0, 2)),
        commitment=st.integers(0, LIMIT).map(Credits),
        drill=st.booleans(),
    ),
)
def test_a_record_re_rates_to_its_price_from_what_it_holds_alone(
    *, base, usage, adjustments, rounding, at_most, maximum, conditions
):
    limited = replace(rated(text(base), {"query.limit": "0.123456"}), at_most=at_most)
    asked = operation("a", limited, adjustments=(*adjustments, *ALL_THREE), rounding=rounding, maximum=maximum)

    found = price(asked, conditions, POLICY, usage)

    assert re_rate(found.record) == found.credits == int(json.loads(found.record)["credits"])


def test_a_record_reads():
    found = price(
        operation("image", "100", adjustments=ALL_THREE), under(night=True, busy=True, committed=True), POLICY
    )

    assert json.loads(found.record) == {
        "operation": "image",
        "policy": POLICY,
        "moment": "2026-11-22T03:00:00Z",
        "base": "100000000",
        "factors": [["off-peak", "7/10"], ["surge", "3/2"], ["commitment", "3/5"]],
        "rounding": ["half_up", "1000000", "1000000"],
        "exact": "63000000",
        "credits": "63000000",
        "load": {"on": ["surge"], "sample": "19/20", "since": 1_763_780_000},
        "commitment": "1000000000000",
    }


def test_a_record_of_a_plain_price_is_short():
    assert len(price(operation("image.analyse", "100"), under(), POLICY).record) < 200


def test_a_record_with_everything_that_a_policy_may_say_fits_in_two_kibibytes():
    long = "n" * 64
    rates = {f"query.{long[:50]}{number}": "0.123456" for number in range(4)}
    nights = tuple(replace(NIGHT, name=f"{long[:60]}{number}", multiply=Fraction("0.123456")) for number in range(8))
    tiers = CommitmentAdjustment(name=long, tiers=((Credits(1), Fraction("0.123456")),))
    asked = operation(
        long, rated("1", rates, "9007199254"), adjustments=(*nights, tiers, *ALL_THREE), maximum=Credits(LIMIT)
    )

    found = price(asked, under(night=True, busy=True, committed=True), POLICY, {name: Fraction(1, 3) for name in rates})

    assert len(found.record) <= 2048

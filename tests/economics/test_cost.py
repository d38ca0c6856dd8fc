"""What calls cost: units, usage and rates, exactly."""

from fractions import Fraction

import pytest

from meter.economics.cost.rates import RateCard, costs_of, rates_of
from meter.economics.cost.units import Resource, column
from meter.economics.cost.usage import Usage, usage_of
from meter.economics.exact import EconomicsError


def numbers(**columns):
    return {name: Fraction(written) for name, written in columns.items()}


def cost_of(usage, rates):
    return sum(costs_of(usage, rates).values())


@pytest.mark.parametrize(
    ("columns", "quantities"),
    [
        pytest.param({"cpu_ms": "50"}, {Resource.CPU: Fraction(1, 20)}, id="milliseconds"),
        pytest.param({"cpu_ms": "50", "cpu_seconds": "1"}, {Resource.CPU: Fraction(21, 20)}, id="units_add_up"),
        pytest.param({"gpu_hours": "0.5"}, {Resource.GPU: Fraction(1800)}, id="hours"),
        pytest.param({"bandwidth_kb": "500"}, {Resource.OUT: Fraction(5, 10**4)}, id="bandwidth"),
        pytest.param({"bytes_out": "1000000000"}, {Resource.OUT: Fraction(1)}, id="bytes"),
        pytest.param({"gib_out": "1"}, {Resource.OUT: Fraction(2**30, 10**9)}, id="binary"),
        pytest.param({"third_party": "0.02"}, {Resource.THIRD_PARTY: Fraction(1, 50)}, id="money"),
        pytest.param({"volume": "7", "value": "2"}, {}, id="others_are_passed_over"),
    ],
)
def test_columns_say_their_unit(columns, quantities):
    assert usage_of(numbers(**columns)) == Usage(quantities=quantities)


def test_memory_counts_for_as_long_as_the_call_lasts():
    usage = usage_of(numbers(memory_mb="256", duration_ms="500", cpu_ms="100"))

    assert usage.quantities[Resource.MEMORY] == Fraction(256, 1000) * Fraction(1, 2)
    assert not usage.assumed_duration


def test_without_a_duration_memory_counts_for_the_processors_time_and_says_so():
    usage = usage_of(numbers(memory_mb="256", cpu_ms="100"))

    assert usage.quantities[Resource.MEMORY] == Fraction(256, 10**4)
    assert usage.assumed_duration


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"cpu_ms": "-1"}, "cpu_ms is -1; usage is never negative: correct it."),
        ({"cpu_sec": "1"}, "'cpu_sec' is no unit; did you mean 'cpu_seconds'?"),
        ({"memory_mbs": "1"}, "'memory_mbs' is no unit; did you mean 'memory_mb'?"),
        ({"byte_out": "1"}, "'byte_out' is no unit; did you mean 'bytes_out'?"),
        ({"memory_gb": "1"}, "memory of 1 GB has no duration; add duration_ms, or measure memory_gb_seconds."),
    ],
)
def test_usage_that_cannot_be_is_refused_with_the_fix(columns, sentence):
    with pytest.raises(EconomicsError) as refused:
        usage_of(numbers(**columns))

    assert str(refused.value) == sentence


def test_a_title_is_no_unit():
    assert column("title") is None


def card(**rates):
    return RateCard(rates=rates_of(numbers(**rates).items()))


def test_a_cost_is_exact_whatever_the_units():
    by_the_hour = card(cpu_hours="0.048", gb_out="0.09", fixed="0.0000004")
    usage = usage_of(numbers(cpu_ms="50", bandwidth_kb="500", third_party="0.001"))

    expected = Fraction(48, 3_600_000) / 20 + Fraction(9, 100) * Fraction(5, 10**4) + Fraction(4, 10**7)
    assert cost_of(usage, by_the_hour) == expected + Fraction(1, 1000)


def test_what_a_row_says_is_fixed_stands_in_place_of_the_cards():
    assert cost_of(usage_of(numbers(fixed="0.5")), card(fixed="0.1")) == Fraction(1, 2)
    assert cost_of(usage_of({}), card(fixed="0.1")) == Fraction(1, 10)


def test_third_party_money_counts_once_or_by_its_factor():
    usage = usage_of(numbers(third_party="0.5"))

    assert cost_of(usage, card()) == Fraction(1, 2)
    assert cost_of(usage, card(third_party="1.2")) == Fraction(3, 5)


def test_a_used_resource_without_a_rate_is_refused():
    with pytest.raises(EconomicsError, match=r"^gpu_seconds is used \(2\) and has no rate; add it to the rate card"):
        cost_of(usage_of(numbers(gpu_seconds="2")), card(cpu_seconds="1"))


def test_what_is_measured_and_billed_by_nobody_needs_no_rate():
    assert cost_of(usage_of(numbers(duration_ms="2", bytes_in="7", gpu_ms="0")), card()) == 0


@pytest.mark.parametrize(
    ("rates", "sentence"),
    [
        ({"cpu_hour": "1"}, "'cpu_hour' is no unit; did you mean 'cpu_hours'?"),
        ({"cpu_hours": "-1"}, "cpu_hours is -1; a rate is never negative: correct it."),
        ({"cpu_hours": "1", "cpu_ms": "1"}, "cpu_ms and cpu_hours are rates of one resource; keep one."),
        ({"memory_gb": "1"}, "memory_gb says no time; write memory_gb_seconds or memory_gb_hours."),
    ],
)
def test_rates_that_cannot_be_are_refused_with_the_fix(rates, sentence):
    with pytest.raises(EconomicsError) as refused:
        card(**rates)

    assert str(refused.value) == sentence

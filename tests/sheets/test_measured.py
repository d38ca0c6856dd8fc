"""Measured calls from tables and from the access log."""

import json
from fractions import Fraction

import pytest

from meter.economics.cost.rates import RateCard, rates_of
from meter.economics.cost.units import Resource
from meter.sheets.measured import UNMETERED, Seen, measured, usage_rows
from meter.sheets.rows import SheetError

CARD = RateCard(rates=rates_of([("cpu_seconds", Fraction(1)), ("bytes_out", Fraction(1)), ("memory_gb_seconds", 0)]))


@pytest.fixture
def read(tmp_path):
    def reading(text, name="usage.csv", **options):
        file = tmp_path / name
        file.write_text(text if isinstance(text, str) else "".join(json.dumps(line) + "\n" for line in text))
        return list(measured([file], CARD, seen=options.pop("seen", Seen()), **options))

    return reading


def test_a_row_is_a_call_and_costs_what_it_used(read):
    (one,) = read("operation,cpu_ms,bytes_out,third_party\na,500,2,0.25\n")

    assert (one.operation, one.cost, one.calls, one.billed) == ("a", Fraction(11, 4), 1, 1)
    assert one.third_party == Fraction(1, 4)
    assert one.used[Resource.CPU] == Fraction(1, 2)


@pytest.mark.parametrize("column", ["calls", "volume"])
def test_a_row_may_be_averages_of_many_calls(read, column):
    (one,) = read(f"operation,cpu_ms,{column},charged\na,500,10,0.9\n")

    assert (one.calls, one.billed) == (10, 9)


@pytest.mark.parametrize(
    ("columns", "cells", "billed"),
    [
        pytest.param("charged", "0", 0, id="charged"),
        pytest.param("charged", "no", 0, id="in_words"),
        pytest.param("charged", "true", 1, id="in_other_words"),
        pytest.param("charged", "0.5", 1, id="half_a_price_is_a_price"),
        pytest.param("credits", "0", 0, id="no_credits"),
        pytest.param("credits", "0.000001", 1, id="some_credits"),
        pytest.param("status", "399", 1, id="redirected"),
        pytest.param("status", "400", 0, id="failed"),
        pytest.param("status,credits", "500,3", 1, id="credits_say_more_than_a_status"),
        pytest.param("credits,charged", "3,0", 0, id="and_charged_most"),
    ],
)
def test_calls_that_paid_nothing_are_known(read, columns, cells, billed):
    (one,) = read(f"operation,cpu_ms,{columns}\na,1,{cells}\n")

    assert one.billed == billed


def test_usage_may_be_named_as_in_tables_of_calls(read):
    seen = Seen()
    (one,) = read("operation,usage.cpu_ms,usage.tokens\na,500,7\n", seen=seen)

    assert one.cost == Fraction(1, 2)
    assert list(seen.passed_over) == ["usage.tokens"]


def test_memory_without_a_duration_is_counted_where_it_is_assumed(read):
    seen = Seen()
    read("operation,cpu_ms,memory_mb,duration_ms\na,1,2,\na,1,2,3\n", seen=seen)

    assert seen.assumed_durations == 1


def test_a_size_is_any_column(read):
    (one,) = read("operation,cpu_ms,pixels\na,1,640\n", size="pixels")

    assert one.size == 640


def line(**facts):
    whole = {"time": "2026-11-01T00:00:00.000Z", "request_id": "r", "method": "GET", "path": "/", "status": 200}
    return {**whole, "ms": 1.5, "operation": "a", "credits": 5, "op": "1", **facts}


def test_the_access_log_says_duration_bytes_and_what_the_upstream_reports(read):
    logged = line(response_bytes=3, request_bytes=4, usage={"cpu_ms": 500, "tokens": 9}, server_timing={"db": 5})
    (one,) = read([logged], "access.jsonl", size="bytes_out")

    assert one.cost == Fraction(1, 2) + 3
    assert one.used[Resource.DURATION] == Fraction(3, 2000)
    assert (one.size, one.billed) == (3, 1)


def test_what_the_upstream_reports_counts_before_what_the_gateway_measured(read):
    logged = line(usage={"duration_ms": 7, "cpu_ms": 100}, server_timing={"cpu": 900})
    (one,) = read([logged], "access.jsonl")

    assert one.used == {Resource.DURATION: Fraction(7, 1000), Resource.CPU: Fraction(1, 10)}


def test_a_server_timing_of_the_processor_is_its_time(read):
    (one,) = read([line(server_timing={"cpu": 12.5, "total": 20})], "access.jsonl")

    assert one.used[Resource.CPU] == Fraction(1, 80)


def test_a_line_without_an_operation_or_credits_is_unmetered_and_paid_nothing(read):
    (one,) = read([line(operation=None, credits=None, op=None)], "access.jsonl")

    assert (one.operation, one.billed) == (UNMETERED, 0)


def test_bills_have_rows_with_what_was_used(tmp_path):
    file = tmp_path / "bills.csv"
    file.write_text("month,bill,cpu_hours\noctober,12,1\n")
    ((row, used),) = usage_rows(file)

    assert (row.text("bill"), used.quantities) == ("12", {Resource.CPU: 3600})


@pytest.mark.parametrize(
    ("text", "name", "options", "sentence"),
    [
        ("", "u.csv", {}, "u.csv: there is no row in it; write one line for each call."),
        ("name,cpu_ms\na,1\n", "u.csv", {}, "u.csv:2: there is no column 'operation', or it is empty; there are name,"),
        ("operation,cpu_ms\na,-1\n", "u.csv", {}, "u.csv:2: cpu_ms: -1 is less than 0; correct it."),
        ("operation,cpu_ms\na,x\n", "u.csv", {}, "u.csv:2: cpu_ms: 'x' is not a number"),
        ("operation,cpu_sec\na,1\n", "u.csv", {}, "u.csv:1: the column 'cpu_sec' is no unit; did you mean"),
        ([{"operation": "a"}, {"operation": "a", "gpu": 1}], "u.jsonl", {}, "u.jsonl:2: the column 'gpu' is no unit"),
        ("operation,gpu_ms\na,1\n", "u.csv", {}, "u.csv:2: gpu_seconds is used (0.001) and has no rate; add it to"),
        ("operation,cpu_ms,charged\na,1,2\n", "u.csv", {}, "u.csv:2: charged: 2 is more than 1; it is the share"),
        ("operation,cpu_ms,calls\na,1,-2\n", "u.csv", {}, "u.csv:2: calls: -2 is less than 0; correct it."),
        ("operation,calls,volume\na,1,2\n", "u.csv", {}, "u.csv:2: volume: it stands beside calls; keep one"),
        ("operation,cpu_ms,usage.cpu_ms\na,1,2\n", "u.csv", {}, "u.csv:2: usage.cpu_ms: it stands beside cpu_ms; keep"),
        ("operation,cpu_ms\na,1\n", "u.csv", {"size": "px"}, "u.csv:2: px is empty or no column; there are operation,"),
        ([line(usage="many")], "u.jsonl", {}, "u.jsonl:1: usage: 'many' is no object of numbers by name; leave it"),
        ([line(usage={"cpu_ms": -1})], "u.jsonl", {}, "u.jsonl:1: cpu_ms: -1 is less than 0; correct it."),
    ],
)
def test_what_is_wrong_is_said_with_file_line_value_and_fix(read, text, name, options, sentence):
    with pytest.raises(SheetError) as refused:
        read(text, name, **options)

    assert sentence in str(refused.value)

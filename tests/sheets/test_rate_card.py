"""Rate cards from files, and what rows cost by them."""

from fractions import Fraction

import pytest

from meter.economics.cost.units import Resource
from meter.sheets.rate_card import rate_card
from meter.sheets.rows import Row, SheetError
from meter.sheets.usage import cost_of_row, usage_of_row

CARD = "currency: EUR\nstep: 0.001\nrates:\n  cpu_hours: 3.6\n  gb_out: 0.09\n"


def written(tmp_path, text, name="rates.yaml"):
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_card_reads_alike_from_yaml_and_from_a_table(tmp_path):
    card = rate_card(written(tmp_path, CARD))
    table = rate_card(written(tmp_path, "unit,rate\ncpu_hours,3.6\ngb_out,0.09\n", "rates.csv"))

    assert card.rates == table.rates == {Resource.CPU: Fraction(1, 1000), Resource.OUT: Fraction(9, 100)}
    assert (card.currency, card.step, table.currency, table.step) == (
        "EUR",
        Fraction(1, 1000),
        "USD",
        Fraction(1, 10**6),
    )


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("rates:\n  cpu_hour: 1\n", "r.yaml", "r.yaml:2: 'cpu_hour' is no unit; did you mean 'cpu_hours'?"),
        ("rates:\n  cpu_ms: x\n", "r.yaml", "r.yaml:2: 'x' is not a number; write it in digits, such as 0.0002."),
        ("rates:\n  cpu_ms: -1\n", "r.yaml", "r.yaml:2: cpu_ms is -1; a rate is never negative: correct it."),
        ("rates:\n  cpu_ms:\n", "r.yaml", "r.yaml:2: cpu_ms has no single value; write one, as 0.00004."),
        ("rates: {cpu_ms: 1, cpu_ms: 2}\n", "r.yaml", "the key 'cpu_ms' is here twice; keep one; the first is at"),
        ("rates: 3\n", "r.yaml", "r.yaml:1: rates must be a mapping with something in it"),
        ("currency: USD\n", "r.yaml", "r.yaml:1: there are no rates; write rates: and a line for each"),
        ("rate: {cpu_ms: 1}\n", "r.yaml", "r.yaml:1: 'rate' is no part of a rate card; did you mean 'rates'?"),
        ("currency: usd\nrates: {cpu_ms: 1}\n", "r.yaml", "r.yaml:1: 'usd' is no currency; write its three letters"),
        ("step: 0\nrates: {cpu_ms: 1}\n", "r.yaml", "r.yaml:1: step is 0; write what a bill is shared out in"),
        ("", "r.yaml", "r.yaml:1: a rate card must be a mapping with something in it"),
        (b"\xff", "r.yaml", "r.yaml: byte 0 is not UTF-8; save it as UTF-8."),
        ("unit,rate\ncpu_ms,1\ncpu_hours,2\n", "r.csv", "r.csv:3: unit: cpu_hours and cpu_ms are rates of one"),
        ("unit,price\ncpu_ms,1\n", "r.csv", "r.csv:1: there is no column 'rate'; there are unit, price."),
        ("cpu_ms: 1\n", "r.txt", "r.txt: '.txt' is no table"),
    ],
)
def test_what_is_wrong_with_a_card_is_said_with_file_line_and_value(tmp_path, text, name, sentence):
    with pytest.raises(SheetError) as refused:
        rate_card(written(tmp_path, text, name))

    assert sentence in str(refused.value)


def row(**cells):
    return Row(file="usage.csv", line=7, cells=cells)


def test_a_row_costs_what_its_columns_say(tmp_path):
    card = rate_card(written(tmp_path, CARD))

    assert cost_of_row(row(operation="a", cpu_ms="500", value="2"), card) == Fraction(1, 2000)
    assert usage_of_row(row(operation="a", cpu_ms="500")).quantities == {Resource.CPU: Fraction(1, 2)}


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"cpu_ms": "-1"}, "usage.csv:7: cpu_ms: -1 is less than 0; correct it."),
        ({"cpu_sec": "1"}, "usage.csv:1: the column 'cpu_sec' is no unit; did you mean 'cpu_seconds'?"),
        ({"gpu_ms": "1"}, "usage.csv:7: gpu_seconds is used (0.001) and has no rate; add it to the rate card"),
        ({"memory_mb": "1"}, "usage.csv:7: memory of 0.001 GB has no duration; add duration_ms"),
    ],
)
def test_a_row_that_cannot_be_priced_is_refused_with_its_line(tmp_path, cells, sentence):
    card = rate_card(written(tmp_path, CARD))

    with pytest.raises(SheetError) as refused:
        cost_of_row(row(**cells), card)

    assert str(refused.value).startswith(sentence)

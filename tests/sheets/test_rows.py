"""Tables: each cell with its file and line, and a sentence for whatever is wrong with it."""

from fractions import Fraction

import duckdb
import pytest

from meter.sheets.rows import Sheet, SheetError


def written(tmp_path, text, name="profile.csv"):
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_row_has_its_cells_and_its_line(tmp_path):
    file = written(tmp_path, "operation, cost\nimage.store,0.0002\n\nvideo,  0.5\n")

    rows = Sheet(file).rows("operation", "cost")

    assert [(row.line, row.text("operation"), row.number("cost")) for row in rows] == [
        (2, "image.store", Fraction(2, 10**4)),
        (4, "video", Fraction(1, 2)),
    ]


def test_the_same_table_reads_alike_as_json_lines_and_as_parquet(tmp_path):
    lines = written(tmp_path, '{"operation": "a", "cost": 0.0002}\n{"operation": "b", "cost": null}\n', "t.jsonl")
    parquet = tmp_path / "t.parquet"
    with duckdb.connect() as database:
        table = "(VALUES ('a', 0.0002), ('b', NULL)) AS t(operation, cost)"
        database.execute(f"COPY (SELECT * FROM {table}) TO '{parquet}' (FORMAT parquet)")

    assert [row.cells for row in Sheet(lines)] == [row.cells for row in Sheet(parquet)]
    assert next(iter(Sheet(parquet))).cells == {"operation": "a", "cost": "0.0002"}


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("operation,cost\na,x\n", "p.csv", "p.csv:2: cost: 'x' is not a number; write it in digits, such as 0.0002."),
        ("operation,cost\na,-1\n", "p.csv", "p.csv:2: cost: -1 is less than 0; correct it."),
        ("operation,cost\na,\nb,1\n", "p.csv", "p.csv:2: cost is empty; every row needs one."),
        ("operation,price\na,1\n", "p.csv", "p.csv:1: there is no column 'cost'; there are operation, price."),
        ("operation,cost\n", "p.csv", "p.csv: there is no row in it; write one line for each."),
        ("", "p.csv", "p.csv: there is no row in it; write one line for each."),
        ("operation,cost\na,1,2\n", "p.csv", "p.csv:2: 3 cells under 2 columns; give each column one."),
        ("cost,cost\n1,2\n", "p.csv", "p.csv:1: the column 'cost' stands twice; keep one."),
        ('operation,cost\n"a"b,1\n', "p.csv", "p.csv:2: this is not CSV (',' expected after '\"'); correct the line."),
        (b"operation,cost\n\xff,1\n", "p.csv", "is not UTF-8; save it as UTF-8."),
        ("a" * 70_000, "p.csv", "p.csv:1: the line has more than 65536 letters; it is no table."),
        ("{\n", "p.jsonl", "p.jsonl:1: '{' is not JSON; write one object a line."),
        ("[1]\n", "p.jsonl", "p.jsonl:1: '[1]' is no object; write one object a line."),
        ("cost\n1\n", "p.txt", "p.txt: '.txt' is no table; name a .csv, .jsonl or .parquet."),
        ("cost\n1\n", "p.parquet", "p.parquet: this is not Parquet"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_value(tmp_path, text, name, sentence):
    with pytest.raises(SheetError) as refused:
        [row.number("cost") for row in Sheet(written(tmp_path, text, name)).rows("cost")]

    assert sentence in str(refused.value)


def test_a_default_stands_in_place_of_an_empty_cell(tmp_path):
    (row,) = Sheet(written(tmp_path, "operation,value\na,\n")).rows("operation")

    assert row.number("value", default=Fraction(1)) == 1


def test_cells_of_json_lines_and_parquet_are_stripped_and_empty_ones_are_not_there(tmp_path):
    lines = tmp_path / "t.jsonl"
    lines.write_text('\ufeff{"a": " x ", "b": "", "c": "  ", "d": 1}\n')
    parquet = tmp_path / "t.parquet"
    with duckdb.connect() as database:
        database.execute(f"COPY (SELECT ' x ' AS a, '' AS b, '  ' AS c, 1 AS d) TO '{parquet}' (FORMAT parquet)")

    assert [dict(row.cells) for path in (lines, parquet) for row in Sheet(path)] == [{"a": "x", "d": "1"}] * 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("t.jsonl", b'{"a": 1}\n{"a": 2}\n{"a": "\xff"}\n', id="JSON lines"),
        pytest.param("t.csv", b"abcd\n  1\n     \xff\n", id="CSV"),
    ],
)
def test_what_is_not_utf_8_is_refused_with_its_line(tmp_path, name, text):
    file = tmp_path / name
    file.write_bytes(text)

    with pytest.raises(SheetError) as refused:
        list(Sheet(file))

    start = text.splitlines()[2].index(0xFF) + 1
    assert str(refused.value) == f"{file}:3: byte {start} of the line (0xff) is not UTF-8; save it as UTF-8."

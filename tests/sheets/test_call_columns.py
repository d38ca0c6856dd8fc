"""Columns of Parquet: what the rows say, without making rows; and the rows' own sentence where something is wrong."""

import duckdb
import pytest

from meter.economics.exact import EconomicsError
from meter.economics.replay.columns import columns_of, ordered
from meter.sheets.call_columns import parquet_columns, traffic
from meter.sheets.calls import calls
from meter.sheets.rows import SheetError

ROWS = """
    (20, 'acme', 'chat', 0.5::DECIMAL(9, 2), 'pro', 100000, 'surge night', 0.5, 0.0002, 812, 0.25::DOUBLE),
    (10, 'it''s', 'store', 3, NULL, NULL, NULL, 1, NULL, NULL, NULL),
    (20, 'acme', 'store', 1, 'pro', 100000, 'surge night', 1, 0.0001, NULL, 7.5)
"""
COLUMNS = (
    '"at", account, operation, credits, plan, commitment, load, charged, cost, "usage.tokens", "usage.query.limit"'
)


def parquet(tmp_path, select):
    path = tmp_path / "calls.parquet"
    with duckdb.connect() as database:
        database.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def plain(columns):
    return list(columns.calls()), columns.costs


@pytest.mark.parametrize(
    "select",
    [
        pytest.param(f"SELECT * FROM (VALUES {ROWS}) AS t({COLUMNS})", id="whole numbers"),
        pytest.param(
            f'SELECT * REPLACE (to_timestamp("at") AS "at", credits::DOUBLE AS credits) '
            f"FROM (VALUES {ROWS}) AS t({COLUMNS})",
            id="moments and floats",
        ),
        pytest.param(f"SELECT * EXCLUDE (plan, load, cost) FROM (VALUES {ROWS}) AS t({COLUMNS})", id="few columns"),
    ],
)
def test_the_columns_of_a_file_are_its_rows_in_order_of_time(tmp_path, select):
    path = parquet(tmp_path, select)
    fast = parquet_columns(path)

    assert fast is not None
    assert plain(ordered(fast)) == plain(columns_of(calls([path])))


@pytest.mark.parametrize(
    ("select", "sentence"),
    [
        pytest.param("SELECT 1 AS at, 'a' AS account, 'b' AS operation, -1 AS credits", "1: credits: -1 is", id="less"),
        pytest.param(
            "SELECT 1 AS at, 'a' AS account, 'b' AS operation, 1 AS credits, -0.5 AS cost", "1: cost: -0.5", id="cost"
        ),
        pytest.param(
            "SELECT 'now' AS at, 'a' AS account, 'b' AS operation, 1 AS credits", "1: at: 'now' is no", id="no moment"
        ),
        pytest.param("SELECT 1 AS at, 'a' AS account, 1 AS credits", "1: there is no column 'operation'", id="missing"),
        pytest.param(
            "SELECT 1 AS at, 'a' AS account, 'b' AS operation, 'NaN'::DOUBLE AS credits", "1: credits: 'nan'", id="nan"
        ),
        pytest.param(
            "SELECT 1 AS at, 'a' AS account, 'b' AS operation, 1 AS credits, 3 AS charged", "1: charged: 3", id="share"
        ),
        pytest.param(
            "SELECT 1 AS at, 'a' AS account, 'b' AS operation, 0.0000001::DOUBLE AS credits", "1: credits: ", id="fine"
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_row(tmp_path, select, sentence):
    path = parquet(tmp_path, select)

    with pytest.raises(SheetError) as refused:
        traffic([path])

    assert str(refused.value).startswith(f"{path}:{sentence}")


def test_files_of_all_kinds_are_joined_in_order_of_time(tmp_path):
    path = parquet(tmp_path, f"SELECT * FROM (VALUES {ROWS}) AS t({COLUMNS})")
    (tmp_path / "more.csv").write_text("at,account,operation,credits,cost,usage.bytes\n15,globex,chat,2,0.0001,5\n")
    columns = traffic([path, tmp_path / "more.csv"])

    assert [(call.at, call.account) for call in columns.calls()][:3] == [(10, "it's"), (15, "globex"), (20, "acme")]
    assert columns.costs["chat"].calls == 2
    assert [call.usage.get("bytes") for call in columns.calls()] == [None, 5, None, None]


def test_no_call_at_all_is_refused():
    with pytest.raises(EconomicsError, match="There is no call"):
        columns_of([])


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param("' a ' AS account, 'b' AS operation", id="account with spaces around it"),
        pytest.param("'a' AS account, 'b ' AS operation, 2.5 AS cost", id="operation with a space after it"),
        pytest.param("'a' AS account, 'b' AS operation, ' pro' AS plan", id="plan with a space before it"),
        pytest.param("'a' AS account, 'b' AS operation, '' AS plan", id="plan that is empty"),
        pytest.param("'a' AS account, chr(9) || 'b' AS operation", id="tab"),
    ],
)
def test_names_in_parquet_are_stripped_as_in_all_tables(tmp_path, cells):
    path = parquet(tmp_path, f"SELECT 1 AS at, 1 AS credits, {cells}")

    assert plain(traffic([path])) == plain(columns_of(calls([path])))

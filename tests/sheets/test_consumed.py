"""What was consumed by day, read from tables of days and of calls; what is wrong is said with file, line and value."""

from datetime import date
from fractions import Fraction

import pytest

from meter.sheets.consumed import consumed
from meter.sheets.rows import SheetError

DAY = date(2026, 11, 3)


def table(tmp_path, text, name="use.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_days_are_read_exactly(tmp_path):
    found = consumed([table(tmp_path, "date,credits\n2026-11-03,0.1\n2026-11-04,0.2\n")])

    assert found.consumed == {(DAY, ""): Fraction(1, 10), (date(2026, 11, 4), ""): Fraction(2, 10)}


def test_days_may_be_told_by_operation(tmp_path):
    found = consumed([table(tmp_path, "date,operation,credits\n2026-11-03,a,1\n2026-11-03,b,2\n")])

    assert found.consumed == {(DAY, "a"): 1, (DAY, "b"): 2}


def test_calls_are_added_up_by_day_and_operation(tmp_path):
    calls = (
        "at,account,operation,credits\n2026-11-03T23:59:59Z,acme,a,2\n1793664001,acme,a,3\n2026-11-04T00:00:00Z,b,a,7\n"
    )
    path = table(tmp_path, calls)

    assert consumed([path], account="acme").consumed == {(DAY, "a"): 5}
    assert consumed([path]).accounts == {"acme", "b"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("date,use\n2026-11-03,1\n", "use.csv:1: there is no column 'credits'", id="missing column"),
        pytest.param("day,credits\n2026-11-03,1\n", "use.csv:1: there is no column 'date'", id="missing date column"),
        pytest.param(
            "date,credits\n2026-11-03,1\n2026-11-04,-5\n", "use.csv:3: credits: -5 is less than 0", id="negative"
        ),
        pytest.param(
            "date,credits\n2026-11-03,1\n3.11.2026,1\n", "use.csv:3: date: '3.11.2026' is no date", id="no date"
        ),
        pytest.param("date,credits\n2026-11-03,1\n2026-02-30,1\n", "use.csv:3: date: '2026-02-30'", id="no such date"),
        pytest.param("date,credits\n2026-11-03,1\n2026-11-03,2\n", "is in line 2 already", id="a day twice"),
        pytest.param("date,credits\n9999-12-31,1\n", "use.csv:2: date: '9999-12-31' is no date", id="after all dates"),
        pytest.param("date,credits\n2026-11-03,ten\n", "use.csv:2: credits: 'ten' is not a number", id="no number"),
        pytest.param("date,credits\n2026-11-03,\n2026-11-04,1\n", "use.csv:2: credits is empty", id="an empty cell"),
        pytest.param("date,credits\n", "there is no row in it", id="nothing in it"),
    ],
)
def test_what_is_no_use_is_refused_with_file_line_and_value(tmp_path, text, said):
    with pytest.raises(SheetError) as refused:
        consumed([table(tmp_path, text)])

    assert said in str(refused.value)


def test_an_account_without_calls_is_refused(tmp_path):
    path = table(tmp_path, "at,account,operation,credits\n2026-11-03T00:00:00Z,acme,a,2\n")
    with pytest.raises(SheetError, match="no call of 'nobody'"):
        consumed([path], account="nobody")


def test_a_day_that_two_tables_tell_is_refused(tmp_path):
    ones = table(tmp_path, "date,credits\n2026-11-03,1\n")
    others = table(tmp_path, "date,credits\n2026-11-02,1\n2026-11-03,1\n", "others.csv")

    with pytest.raises(SheetError) as refused:
        consumed([ones, others])

    assert str(refused.value) == f"{others}:3: date: 2026-11-03 is in {ones}:2 already; keep one row of each day."


def test_a_call_after_all_periods_is_refused(tmp_path):
    path = table(tmp_path, "at,account,operation,credits\n253402300799,acme,a,1\n")

    with pytest.raises(SheetError, match="is not between 1970 and 2999"):
        consumed([path])

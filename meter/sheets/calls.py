"""Calls from files: exported ledger files, tables (CSV, JSON lines, Parquet) and access logs.

A table of calls has the columns ``at`` (RFC 3339, or Unix seconds), ``account``, ``operation`` and ``credits``, and may
have ``plan``, ``commitment``, ``load`` (names with spaces between), ``cost``, ``charged`` and ``usage.<meter>``.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from fractions import Fraction
from operator import attrgetter
from pathlib import Path

from meter.credits import MICRO, ZERO, AmountError, Credits, from_micro
from meter.economics.traffic import Call
from meter.policy.model import Policy
from meter.sheets.common_log import log_calls
from meter.sheets.entries import is_ledger, ledger_calls
from meter.sheets.left_out import LeftOut
from meter.sheets.rows import AT_MAX, Row, Sheet, SheetError

REQUIRED = ("at", "account", "operation", "credits")
USAGE = "usage."
"""How the name of a column begins that holds what a meter read."""
TABLES = (".csv", ".jsonl", ".ndjson", ".parquet")


def calls(paths: Iterable[Path], *, policy: Policy | None = None, left_out: LeftOut | None = None) -> Iterator[Call]:
    """The calls of files, one file after the other, each in order of time; those of ledgers first.

    Args:
        paths: exported ledger files (``.jsonl.gz``) or folders of them; tables, by their ending; anything else is read
            as an access log.
        policy: whose routes say what a line of an access log called.
        left_out: is told of lines of access logs that are no calls.

    Raises:
        SheetError: something in a file can't be used: always with file, line, value and fix. Of an access log also a
            line that is no call, where nobody counts them.
        OSError: a file can't be read at all.
    """
    found = list(paths)
    yield from ledger_calls(path for path in found if is_ledger(path))
    for path in (path for path in found if not is_ledger(path)):
        if path.suffix.lower() in TABLES:
            yield from sorted(map(call_of, _whole(path)), key=attrgetter("at"))
        else:
            yield from sorted(_logged(path, policy, left_out), key=attrgetter("at"))


def call_of(row: Row) -> Call:
    """The call that a row of a table is.

    Raises:
        SheetError: a cell is missing, or can't be what it says.
    """
    return Call(
        at=second_of(row),
        account=row.text("account"),
        operation=row.text("operation"),
        credits=_amount(row, "credits"),
        plan=row.cells.get("plan"),
        commitment=_amount(row, "commitment", default=Fraction(0)),
        load=frozenset(row.cells.get("load", "").split()),
        usage={name.removeprefix(USAGE): row.number(name) for name in row.cells if name.startswith(USAGE)},
        charged=_share(row),
        cost=row.number("cost") if "cost" in row.cells else None,
    )


def second_of(row: Row, column: str = "at") -> int:
    """The Unix second of a cell.

    Raises:
        SheetError: it is no moment with its offset, and no number of seconds.
    """
    written = row.text(column)
    try:
        second = int(written) if written.isdecimal() else _instant(written)
    except (ValueError, OverflowError) as error:
        raise row.wrong(
            column, f"{written[:40]!r} is no moment; write it with its offset, as 2026-11-01T10:00:00Z."
        ) from error
    if not 0 <= second <= AT_MAX:
        raise row.wrong(column, f"{written[:40]!r} is not between 1970 and 2999; write Unix seconds.")
    return second


def _whole(path: Path) -> Iterator[Row]:
    """The rows of a table of calls, after a look at its first."""
    seen = False
    for row in Sheet(path):
        if not seen:
            _refuse_missing(row)
        seen = True
        yield row
    if not seen:
        raise SheetError(f"{path}: there is no call in it; write one row for each.")


def _refuse_missing(row: Row) -> None:
    for column in REQUIRED:
        if column not in row.cells:
            raise SheetError(
                f"{row.file}:{row.line}: there is no column {column!r}, or it is empty in the first row; a table of "
                f"calls has {', '.join(REQUIRED)}, and here are {', '.join(row.cells)}."
            )


def _logged(path: Path, policy: Policy | None, left_out: LeftOut | None) -> Iterator[Call]:
    if policy is None:
        raise SheetError(f"{path}: an access log needs a policy whose routes say what was called; name one.")
    tally = left_out if left_out is not None else LeftOut()
    for call in log_calls(path, policy, tally):
        _refuse_left_out(tally, left_out)
        yield call
    _refuse_left_out(tally, left_out)


def _refuse_left_out(tally: LeftOut, wanted: LeftOut | None) -> None:
    if wanted is None and tally.first:
        raise SheetError(tally.first[0])


def _instant(written: str) -> int:
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError(written)
    return int(moment.timestamp())


def _amount(row: Row, column: str, *, default: Fraction | None = None) -> Credits:
    micro = row.number(column, default=default) * MICRO
    if micro.denominator != 1:
        raise row.wrong(column, f"{row.cells[column]} has more than six decimals; round it to micro-credits.")
    try:
        return from_micro(micro.numerator) if micro else ZERO
    except AmountError as error:
        raise row.wrong(column, str(error)) from error


def _share(row: Row) -> Fraction:
    share = row.number("charged", default=Fraction(1))
    if share > 1:
        raise row.wrong(
            "charged", f"{row.cells['charged']} is more than 1; it is the share of its price that a call paid."
        )
    return share

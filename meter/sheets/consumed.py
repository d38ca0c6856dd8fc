"""What was consumed by day, from files: tables of days, and whatever ``calls`` reads.

A table of days has ``date`` and ``credits``, a row a day; or ``operation`` too, a row a day and operation.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

from meter.credits import MICRO
from meter.sheets.calls import TABLES, calls
from meter.sheets.rows import Row, Sheet, SheetError

Key = tuple[date, str]


@dataclass(slots=True)
class Found:
    """What files hold."""

    consumed: dict[Key, Fraction] = field(default_factory=dict)
    """Credits by day (UTC of calls) and operation; the operation is empty where none is said."""
    accounts: set[str] = field(default_factory=set)
    """Whose calls they are; a table of days does not say it."""

    def add(self, day: date, operation: str, amount: Fraction) -> None:
        """Count what was consumed on a day."""
        self.consumed[day, operation] = self.consumed.get((day, operation), Fraction(0)) + amount


def consumed(paths: Iterable[Path], *, account: str | None = None) -> Found:
    """Read files, all of them together.

    Args:
        paths: of tables of days, or of calls.
        account: whose calls; None for all.

    Raises:
        SheetError: a column is missing, a date or a number is none, less than nothing was consumed, a day is there
            twice, or nothing is there.
        OSError: a file can't be read at all.
    """
    found, paths, told = Found(), list(paths), dict[Key, Row]()
    for path in paths:
        if _is_of_days(path):
            _add_days(path, found, told)
        else:
            _add_calls(path, account, found)
    if not found.consumed:
        where = ", ".join(map(str, paths))
        raise SheetError(f"{where}: there is no call of {account!r}; name an account that has some.")
    return found


def _is_of_days(path: Path) -> bool:
    """Whether a table says no moment."""
    return path.suffix.lower() in TABLES and not any("at" in row.cells for row in Sheet(path).rows()[:1])


def _add_days(path: Path, found: Found, told: dict[Key, Row]) -> None:
    for row in Sheet(path).rows("date", "credits"):
        key = _day(row), row.cells.get("operation", "")
        if before := told.get(key):
            place = f"line {before.line}" if before.file == row.file else f"{before.file}:{before.line}"
            raise row.wrong("date", f"{key[0]} is in {place} already; keep one row of each day.")
        told[key] = row
        found.add(*key, row.number("credits"))


def _day(row: Row) -> date:
    written = row.text("date")
    try:
        day = date.fromisoformat(written)
        _next_year(day)
    except ValueError as error:
        raise row.wrong("date", f"{written[:40]!r} is no date; write it as 2026-11-01.") from error
    return day


def _add_calls(path: Path, account: str | None, found: Found) -> None:
    for call in calls([path]):
        if account in {None, call.account}:
            found.accounts.add(call.account)
            found.add(datetime.fromtimestamp(call.at, UTC).date(), call.operation, Fraction(call.credits, MICRO))


def _next_year(day: date) -> date:
    """The first day of the year after: a period of the last year that dates have would not end."""
    return date(day.year + 1, 1, 1)

"""Profiles of operations: what a call of each costs, or used, what it is worth, and how often it is made."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from meter.economics.table.build import Profile
from meter.sheets.rows import Row, Sheet, SheetError

ONE = Fraction(1)

Priced = Callable[[Row], Fraction]
"""What a call costs in money, by its row."""


def profile(path: Path, priced: Priced | None = None) -> tuple[Profile, ...]:
    """Read a table of operations, one row each.

    Columns: ``operation``; ``cost``, money a call; ``value``, its multiplier, 1 where it is empty; ``volume``, calls a
    month; ``title``.

    Args:
        path: the file.
        priced: how measured columns become a cost; without it, the column ``cost`` is.

    Raises:
        SheetError: a column or a cell is missing or can't be, or an operation stands twice.
        OSError: the file can't be read.
    """
    sheet = Sheet(path)
    rows = sheet.rows("operation", *(() if priced else ("cost",)))
    volumes = any("volume" in row.cells for row in rows)
    found = tuple(_profile(row, priced or _cost, volumes=volumes) for row in rows)
    _refuse_repeated(rows)
    return found


def _cost(row: Row) -> Fraction:
    return row.number("cost")


def _profile(row: Row, priced: Priced, *, volumes: bool) -> Profile:
    return Profile(
        operation=row.text("operation"),
        cost=priced(row),
        value=row.number("value", default=ONE),
        volume=row.number("volume") if volumes else None,
        title=row.cells.get("title"),
        place=f"{row.file}:{row.line}",
    )


def _refuse_repeated(rows: tuple[Row, ...]) -> None:
    first: dict[str, int] = {}
    for row in rows:
        name = row.text("operation")
        line = first.setdefault(name, row.line)
        if line != row.line:
            raise SheetError(f"{row.file}:{row.line}: {name!r} stands in line {line} too; keep one line for each.")

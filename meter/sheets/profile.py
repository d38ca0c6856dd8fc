"""Profiles of operations: what a call of each costs, or used, what it is worth, and how often it is made."""

from fractions import Fraction
from pathlib import Path

from meter.economics.cost.rates import RateCard
from meter.economics.cost.units import column
from meter.economics.exact import EconomicsError
from meter.economics.table.build import Profile
from meter.sheets.rows import Row, Sheet, SheetError
from meter.sheets.usage import cost_of_row

ONE = Fraction(1)


def profile(path: Path, card: RateCard | None = None) -> tuple[Profile, ...]:
    """Read a table of operations, one row each.

    Columns: ``operation``; ``cost``, money a call, or what a call uses with units in their names, such as ``cpu_ms``;
    ``value``, its multiplier, 1 where it is empty; ``volume``, calls a month; ``title``.

    Args:
        path: the file.
        card: what the units cost.

    Raises:
        SheetError: a column or a cell is missing or can't be, or an operation stands twice.
        OSError: the file can't be read.
    """
    rows = Sheet(path).rows("operation")
    if card is None:
        _check_costs(path, rows)
    volumes = any("volume" in row.cells for row in rows)
    found = tuple(_profile(row, card, volumes=volumes) for row in rows)
    _refuse_repeated(rows)
    return found


def _check_costs(path: Path, rows: tuple[Row, ...]) -> None:
    """Refuse a table without costs, and say of one with measured columns what they lack."""
    columns = dict.fromkeys(name for row in rows for name in row.cells)
    if "cost" in columns:
        return
    if measured := [name for name in columns if _is_measured(name)]:
        raise SheetError(
            f"{path}:1: there is no column 'cost', and {measured[0]} has no rate; give a rate card, --rates FILE."
        )
    raise SheetError(f"{path}:1: there is no column 'cost'; there are {', '.join(columns)}.")


def _cost(row: Row, card: RateCard | None) -> Fraction:
    measured = [name for name in row.cells if _is_measured(name)]
    if card is None or not measured:
        return row.number("cost")
    if "cost" in row.cells:
        raise row.wrong(
            "cost", f"{row.text('cost')} stands beside {measured[0]}, which the rate card prices; keep one of them."
        )
    return cost_of_row(row, card)


def _is_measured(name: str) -> bool:
    """Whether a column counts a resource, or is named like one in a unit that nobody knows."""
    try:
        return column(name) is not None
    except EconomicsError:
        return True


def _profile(row: Row, card: RateCard | None, *, volumes: bool) -> Profile:
    return Profile(
        operation=row.text("operation"),
        cost=_cost(row, card),
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

"""What a call of each operation costs, from a table of ``operation`` and ``cost``."""

from fractions import Fraction
from pathlib import Path

from meter.sheets.rows import Sheet


def operation_costs(path: Path) -> dict[str, Fraction]:
    """Money by operation.

    Raises:
        SheetError: a column or a cell is missing, a cost is no number or negative, or an operation stands twice.
        OSError: the file can't be read at all.
    """
    found: dict[str, Fraction] = {}
    for row in Sheet(path).rows("operation", "cost"):
        name, cost = row.text("operation"), row.number("cost")
        if name in found:
            raise row.wrong("operation", f"{name} stands twice; keep one row.")
        found[name] = cost
    return found

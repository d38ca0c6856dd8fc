"""What accounts used month by month, and at which price: for whoever asks what prices do to use."""

from pathlib import Path
from typing import TYPE_CHECKING

from meter.sheets.rows import Row, Sheet

if TYPE_CHECKING:
    from meter.economics.glide.elasticity import Observed

COLUMNS = ("account", "month", "volume", "price")


def observed(path: Path) -> "tuple[Observed, ...]":
    """Read a table of ``account``, ``month`` (any name that is the same for all), ``volume`` and ``price``.

    Raises:
        SheetError: a column or a cell is missing, or a number is not above zero.
        OSError: the file can't be read.
    """
    from meter.economics.glide.elasticity import Observed  # noqa: PLC0415 - numpy is slow to import

    return tuple(
        Observed(
            account=row.text("account"),
            month=row.text("month"),
            volume=_above_zero(row, "volume"),
            price=_above_zero(row, "price"),
        )
        for row in Sheet(path).rows(*COLUMNS)
    )


def _above_zero(row: Row, column: str) -> float:
    number = row.number(column)
    if not number:
        raise row.wrong(column, "0 has no logarithm; leave accounts out that stopped calling, and count them apart.")
    return float(number)

"""How many calls of an operation each account makes a month: from a table that says so, or from calls.

A table of volumes has the columns ``account`` and ``volume``, and may have ``operation``: then rows of others are left
out. Anything else is read as calls, and those of the last ``DAYS`` days are counted.
"""

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from itertools import islice
from pathlib import Path

from meter.economics.exact import EconomicsError
from meter.economics.margins.window import Window
from meter.policy.mistakes import instead, shown
from meter.sheets.calls import TABLES, calls
from meter.sheets.entries import ENDING
from meter.sheets.rows import Row, Sheet, SheetError

DAYS = 30


def volumes(path: Path, operation: str) -> Mapping[str, Fraction]:
    """Calls a month of an operation, by account; at least one account.

    Raises:
        SheetError: a column or a cell is missing or can't be, an account stands twice, or nobody calls the operation.
        OSError: the file can't be read.
    """
    if _says_volumes(path):
        return _listed(path, operation)
    return _counted(path, operation)


def _says_volumes(path: Path) -> bool:
    """Whether a file is a table of volumes: one that is not of calls, which have a moment."""
    if path.is_dir() or path.name.endswith(ENDING):
        return False
    if path.suffix.lower() not in TABLES:
        raise SheetError(f"{path}: use is read from exported ledger files ({ENDING}) or tables ({', '.join(TABLES)}).")
    return all("at" not in row.cells for row in islice(Sheet(path), 1))


def _listed(path: Path, operation: str) -> Mapping[str, Fraction]:
    rows = Sheet(path).rows("account", "volume")
    meant = [row for row in rows if row.cells.get("operation", operation) == operation]
    if not meant:
        raise _unused(path, operation, {row.cells["operation"] for row in rows})
    found: dict[str, tuple[Row, Fraction]] = {}
    for row in meant:
        name, volume = row.text("account"), row.number("volume")
        if name in found:
            raise row.wrong("account", f"{name} stands in line {found[name][0].line} too; keep one line for each.")
        found[name] = row, volume
    return {name: volume for name, (_, volume) in found.items()}


def _counted(path: Path, operation: str) -> Mapping[str, Fraction]:
    try:
        kept = Window(days=DAYS).kept(calls([path])).calls
    except EconomicsError as error:
        raise SheetError(f"{path}: {error}") from error
    many = Counter(call.account for call in kept if call.operation == operation)
    if not many:
        raise _unused(path, operation, {call.operation for call in kept})
    return {account: Fraction(number) for account, number in many.items()}


def _unused(path: Path, operation: str, known: set[str]) -> SheetError:
    return SheetError(f"{path}: nobody calls {shown(operation)} in it; {instead(operation, sorted(known))}")

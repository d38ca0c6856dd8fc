"""Calls that were measured, from tables (CSV, JSON lines, Parquet) and from the gateway's access log.

A row is a call, or several: then ``calls`` (or ``volume``) says how many, and the other columns are averages. What is
used is in columns with units in their names, such as ``cpu_ms``, with or without ``usage.`` before; ``operation`` is
its name. Which calls paid, ``charged`` says (0 or 1; the share of several calls), else ``credits`` (more than none),
else ``status`` (below 400, as the default of a policy has it); where there is none of them, all did.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from meter.economics.cost.calls import Measured
from meter.economics.cost.rates import RateCard
from meter.economics.cost.units import UNITS, Resource
from meter.economics.cost.usage import Usage
from meter.sheets.rows import Row, Sheet, SheetError
from meter.sheets.usage import costs_of_row, usage_of_row

UNMETERED = "(unmetered)"
"""In place of an operation, for the lines of an access log that have none."""
USAGE = "usage."
COUNTS = ("calls", "volume")
ERRORS = 400
"""From which status on a call pays nothing, unless its policy says otherwise."""

_LOGGED = frozenset({"request_id", "ms", "path"})
"""What every line of an access log has, and no table."""
_OF_LOG = {"ms": "duration_ms", "request_bytes": "bytes_in", "response_bytes": "bytes_out"}
_TIMED = ("cpu_ms", "gpu_ms")
"""What ``Server-Timing`` may tell as ``cpu`` and ``gpu``."""
_YES = {"yes": Fraction(1), "true": Fraction(1), "no": Fraction(0), "false": Fraction(0)}
_ZERO = Fraction(0)


@dataclass(slots=True)
class Seen:
    """What was noticed while rows were read."""

    assumed_durations: int = 0
    """Rows whose memory counts for the processor's time, since no duration was measured."""
    passed_over: dict[str, None] = field(default_factory=dict)
    """Columns ``usage.<meter>`` that are no unit: no rate prices them."""


def measured(paths: Iterable[Path], card: RateCard, *, size: str | None = None, seen: Seen) -> Iterator[Measured]:
    """Read what calls used, and price it.

    Args:
        paths: the files.
        card: what the units cost.
        size: the column with the size of a call.
        seen: is told what people should know.

    Raises:
        SheetError: a column is missing, a number is none or negative, a unit unknown, or something used without a
            rate: with file, line, value and fix.
        OSError: a file can't be read.
    """
    for path in paths:
        rows = 0
        for row in _rows(path):
            rows += 1
            yield _measured(row, card, size, seen)
        if not rows:
            raise SheetError(f"{path}: there is no row in it; write one line for each call.")


def usage_rows(path: Path) -> Iterator[tuple[Row, Usage]]:
    """The rows of a table with what each says was used.

    Raises:
        SheetError: as ``measured``.
        OSError: the file can't be read.
    """
    for row in _rows(path):
        yield row, _used(row, Seen())


def _rows(path: Path) -> Iterator[Row]:
    """Rows whose columns are named as a table's, whoever wrote them."""
    for row in Sheet(path):
        yield _from_log(row) if row.cells.keys() >= _LOGGED else _plain(row)


def _plain(row: Row) -> Row:
    if not any(name.startswith(USAGE) for name in row.cells):
        return row
    cells = dict(row.cells)
    for name in [name for name in cells if name.startswith(USAGE)]:
        plain = name.removeprefix(USAGE)
        if plain in UNITS:
            if plain in cells:
                raise row.wrong(name, f"it stands beside {plain}; keep one of them.")
            cells[plain] = cells.pop(name)
    return Row(file=row.file, line=row.line, cells=cells)


def _from_log(row: Row) -> Row:
    """A line of an access log; what the upstream reports counts before what the gateway measured."""
    cells = {name: row.cells[name] for name in ("operation", "credits", "status") if name in row.cells}
    cells.setdefault("operation", UNMETERED)
    cells.setdefault("credits", "0")
    for name, number in _members(row, "usage").items():
        cells[name if name in UNITS else USAGE + name] = number
    _add(cells, {f"{name}_ms": number for name, number in _members(row, "server_timing").items()}, _TIMED)
    _add(cells, {_OF_LOG[name]: row.cells[name] for name in _OF_LOG if name in row.cells}, _OF_LOG.values())
    return Row(file=row.file, line=row.line, cells=cells)


def _add(cells: dict[str, str], more: Mapping[str, str], known: Iterable[str]) -> None:
    """Add columns of resources that no column counts yet."""
    counted = {UNITS[name].resource for name in cells if name in UNITS and not UNITS[name].held}
    for name in known:
        if name in more and UNITS[name].resource not in counted:
            cells[name] = more[name]


def _members(row: Row, name: str) -> Mapping[str, str]:
    """The numbers by name of an object in a line."""
    written = row.cells.get(name)
    if written is None:
        return {}
    try:
        found = json.loads(written, parse_float=str, parse_int=str)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise row.wrong(name, f"{written[:40]!r} is no object of numbers by name; leave it out.")
    return {member: str(value) for member, value in found.items()}


def _measured(row: Row, card: RateCard, size: str | None, seen: Seen) -> Measured:
    if "operation" not in row.cells:
        raise SheetError(
            f"{row.file}:{row.line}: there is no column 'operation', or it is empty; there are {', '.join(row.cells)}."
        )
    used, calls = _used(row, seen), _calls(row)
    costs = costs_of_row(row, used, card)
    return Measured(
        operation=row.text("operation"),
        cost=sum(costs.values(), _ZERO),
        calls=calls,
        billed=_billed(row, calls),
        third_party=costs.get(Resource.THIRD_PARTY, _ZERO),
        used=used.quantities,
        size=None if size is None else _size(row, size),
    )


def _used(row: Row, seen: Seen) -> Usage:
    seen.passed_over.update(dict.fromkeys(name for name in row.cells if name.startswith(USAGE)))
    used = usage_of_row(row)
    seen.assumed_durations += used.assumed_duration
    return used


def _size(row: Row, size: str) -> Fraction:
    if size not in row.cells:
        raise SheetError(f"{row.file}:{row.line}: {size} is empty or no column; there are {', '.join(row.cells)}.")
    return row.number(size)


def _calls(row: Row) -> Fraction:
    named = [name for name in COUNTS if name in row.cells]
    if len(named) > 1:
        raise row.wrong("volume", "it stands beside calls; keep one of them.")
    return row.number(named[0]) if named else Fraction(1)


def _billed(row: Row, calls: Fraction) -> Fraction:
    """How many of the calls paid."""
    share = _paid(row)
    if share > 1:
        raise row.wrong("charged", f"{row.cells['charged']} is more than 1; it is the share of the calls that paid.")
    return Fraction(bool(share)) if calls == 1 else share * calls


def _paid(row: Row) -> Fraction:
    if "charged" in row.cells:
        said = _YES.get(row.cells["charged"].lower())
        return row.number("charged") if said is None else said
    if "credits" in row.cells:
        return Fraction(row.number("credits") > 0)
    if "status" in row.cells:
        return Fraction(row.number("status") < ERRORS)
    return Fraction(1)

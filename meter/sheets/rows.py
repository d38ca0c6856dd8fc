"""Rows of tables: CSV, JSON lines and Parquet, as texts, each with its file and line.

Whoever reads a cell reads it through ``Row``, so that what is wrong is always said with file, line and value.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TextIO

from meter.economics.exact import EconomicsError, parse
from meter.sheets.extra import needed

LINE_LETTERS_MAX = 64 * 1024
PAGE_ROWS = 10_000
SHOWN_MAX = 60
AT_MAX = 32_503_679_999
"""The last second of the year 2999: periods end long after it, and calendars end with the year 9999."""


class SheetError(Exception):
    """A file that can't be used as it is; the message is a sentence with file, line, value and fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its cells by column, stripped, as texts; an empty cell is not there."""

    file: str
    line: int
    """Counts from one, and from the file's first line; of Parquet, the number of the row."""
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """A cell.

        Raises:
            SheetError: it is empty.
        """
        if column not in self.cells:
            raise SheetError(f"{self.file}:{self.line}: {column} is empty; every row needs one.")
        return self.cells[column]

    def number(self, column: str, *, default: Fraction | None = None, least: Fraction | None = Fraction(0)) -> Fraction:
        """A number.

        Args:
            column: which cell.
            default: in place of an empty cell; without one, an empty cell is an error.
            least: what it may be at least; None where anything goes.

        Raises:
            SheetError: it is no number, or below ``least``.
        """
        if column not in self.cells and default is not None:
            return default
        written = self.text(column)
        try:
            number = parse(written)
        except EconomicsError as error:
            raise self.wrong(column, str(error)) from error
        if least is not None and number < least:
            raise self.wrong(column, f"{written} is less than {least}; correct it.")
        return number

    def wrong(self, column: str, sentence: str) -> SheetError:
        """What is wrong with a cell."""
        return SheetError(f"{self.file}:{self.line}: {column}: {sentence}")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table in a file: CSV (``.csv``), JSON lines (``.jsonl``, ``.ndjson``) or Parquet (``.parquet``)."""

    path: Path

    def __iter__(self) -> Iterator[Row]:
        """Its rows, in order; blank lines are none.

        Raises:
            SheetError: the file can't be read as what its name says.
            OSError: it can't be read at all.
        """
        match self.path.suffix.lower():
            case ".csv":
                yield from _csv(self.path)
            case ".jsonl" | ".ndjson":
                yield from _json_lines(self.path)
            case ".parquet":
                yield from _parquet(self.path)
            case other:
                raise SheetError(f"{self.path}: {other or 'no ending'!r} is no table; name a .csv, .jsonl or .parquet.")

    def rows(self, *required: str) -> tuple[Row, ...]:
        """All rows of a small table, at least one.

        Args:
            required: columns that every row must have.

        Raises:
            SheetError: as iterating; or a column is missing, or there is no row.
        """
        found = tuple(self)
        if not found:
            raise SheetError(f"{self.path}: there is no row in it; write one line for each.")
        for column in required:
            if all(column not in row.cells for row in found):
                columns = ", ".join(dict.fromkeys(name for row in found for name in row.cells))
                raise SheetError(f"{self.path}:1: there is no column {column!r}; there are {columns}.")
        return found


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as opened:
        lines = csv.reader(_bounded(opened, path), strict=True)
        try:
            header = [name.strip() for name in next(lines, [])]
            _refuse_repeated(path, header)
            for cells in lines:
                if any(cell.strip() for cell in cells):
                    yield _row(path, lines.line_num, header, cells)
        except csv.Error as error:
            raise SheetError(f"{path}:{lines.line_num}: this is not CSV ({error}); correct the line.") from error
        except UnicodeDecodeError as error:
            raise _not_text(path) from error


def _not_text(path: Path) -> SheetError:
    """Where a file is not UTF-8. Looked for line by line: texts are decoded in blocks, which know no lines."""
    with path.open("rb") as opened:
        for number, line in enumerate(opened, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return SheetError(
                    f"{path}:{number}: byte {error.start + 1} of the line (0x{line[error.start]:02x}) is not UTF-8; "
                    "save it as UTF-8."
                )
    return SheetError(f"{path}: it is not UTF-8; save it as UTF-8.")


def _bounded(opened: TextIO, path: Path) -> Iterator[str]:
    number = 0
    while line := opened.readline(LINE_LETTERS_MAX + 1):
        number += 1
        if len(line) > LINE_LETTERS_MAX:
            raise SheetError(f"{path}:{number}: the line has more than {LINE_LETTERS_MAX} letters; it is no table.")
        yield line


def _refuse_repeated(path: Path, header: Sequence[str]) -> None:
    for name in header:
        if header.count(name) > 1:
            raise SheetError(f"{path}:1: the column {name!r} stands twice; keep one.")


def _row(path: Path, line: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(header):
        raise SheetError(f"{path}:{line}: {len(cells)} cells under {len(header)} columns; give each column one.")
    return Row(file=str(path), line=line, cells=_filled(zip(header, cells, strict=True)))


def _filled(cells: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Cells as a row has them: stripped, and none that is empty."""
    stripped = ((name, cell.strip()) for name, cell in cells)
    return {name: cell for name, cell in stripped if cell}


def _json_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as opened:
        try:
            for number, line in enumerate(_bounded(opened, path), start=1):
                if line.strip():
                    yield Row(file=str(path), line=number, cells=_members(path, number, line))
        except UnicodeDecodeError as error:
            raise _not_text(path) from error


def _members(path: Path, number: int, line: str) -> dict[str, str]:
    try:
        said = json.loads(line, parse_float=str, parse_int=str)
    except ValueError as error:
        raise SheetError(
            f"{path}:{number}: {line.strip()[:SHOWN_MAX]!r} is not JSON; write one object a line."
        ) from error
    if not isinstance(said, dict):
        raise SheetError(f"{path}:{number}: {line.strip()[:SHOWN_MAX]!r} is no object; write one object a line.")
    return _filled(
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in said.items()
        if value is not None
    )


def _parquet(path: Path) -> Iterator[Row]:
    for number, (names, values) in enumerate(_parquet_rows(path), start=1):
        cells = _filled((name, str(value)) for name, value in zip(names, values, strict=True) if value is not None)
        yield Row(file=str(path), line=number, cells=cells)


def _parquet_rows(path: Path) -> Iterator[tuple[Sequence[str], Sequence[object]]]:
    duckdb = needed("duckdb")
    path.open("rb").close()
    with duckdb.connect() as database:
        try:
            answer = database.execute("SELECT columns(*)::VARCHAR FROM read_parquet(?)", [str(path)])
            names = [column[0] for column in answer.description]
            while page := answer.fetchmany(PAGE_ROWS):
                yield from ((names, values) for values in page)
        except duckdb.Error as error:
            raise SheetError(f"{path}: this is not Parquet ({str(error).splitlines()[0]}).") from error

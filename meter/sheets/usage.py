"""What a row of a table says that a call used."""

from collections.abc import Mapping
from fractions import Fraction

from meter.economics.cost.rates import RateCard, costs_of
from meter.economics.cost.units import Resource, column
from meter.economics.cost.usage import Usage, usage_of
from meter.economics.exact import EconomicsError
from meter.sheets.rows import Row, SheetError


def usage_of_row(row: Row) -> Usage:
    """Read what a row's columns with units in their names say; an empty cell was not measured.

    Raises:
        SheetError: a number is none or negative, or a column's unit is unknown: with file, line, value and fix.
    """
    numbers = {name: row.number(name) for name in row.cells if _is_unit(name, row)}
    try:
        return usage_of(numbers)
    except EconomicsError as error:
        raise _wrong(row, error) from error


def cost_of_row(row: Row, card: RateCard) -> Fraction:
    """What a row's usage costs.

    Raises:
        SheetError: as ``usage_of_row``; or something was used that has no rate.
    """
    return sum(costs_of_row(row, usage_of_row(row), card).values(), Fraction(0))


def costs_of_row(row: Row, usage: Usage, card: RateCard) -> Mapping[Resource, Fraction]:
    """What each resource of a row's usage costs.

    Raises:
        SheetError: something was used that has no rate.
    """
    try:
        return costs_of(usage, card)
    except EconomicsError as error:
        raise _wrong(row, error) from error


def _is_unit(name: str, row: Row) -> bool:
    try:
        return column(name) is not None
    except EconomicsError as error:
        line = 1 if row.file.endswith(".csv") else row.line
        raise SheetError(f"{row.file}:{line}: the column {error}") from error


def _wrong(row: Row, error: EconomicsError) -> SheetError:
    return SheetError(f"{row.file}:{row.line}: {error}")

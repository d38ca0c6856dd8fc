"""``meter rates``: rates from bills, and what no rates explain of them."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meter.cli.economics.cost_view import estimate
from meter.cli.economics.writing import json_number, money_text
from meter.cli.options import Json
from meter.cli.printing import show, show_json, show_table
from meter.economics.cost.units import UNRATED, Resource
from meter.economics.exact import EconomicsError, percent_text
from meter.gateway.account_view import JsonObject
from meter.sheets.extra import needed
from meter.sheets.measured import usage_rows
from meter.sheets.rows import Row, SheetError

if TYPE_CHECKING:
    from meter.economics.cost.fit import Fitted, Observed
    from meter.economics.cost.usage import Usage

app = typer.Typer(no_args_is_help=True, help="Rate cards: what a unit of each resource costs.")

BARS = " ▁▂▃▄▅▆▇█"
NAMES = ("operation", "month", "day", "name")
"""Columns that say what a row is about."""

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A table: what was used, with units in the names of columns, and its bill."),
]
BillColumn = Annotated[str, typer.Option("--bill", metavar="COLUMN", help="The column with the money of each row.")]
WithFixed = Annotated[bool, typer.Option("--fixed", help="Also look for a sum that every row pays.")]


@app.callback()
def rates() -> None:
    """Rate cards: what a unit of each resource costs."""


@app.command("fit")
def fit_rates(file: File, *, bill: BillColumn, fixed: WithFixed = False, json: Json = False) -> None:
    """Estimate the rates, none below zero, that explain bills best (non-negative least squares)."""
    needed("scipy")
    from meter.economics.cost.fit import fit  # noqa: PLC0415 - numpy and scipy are slow to import

    observed = _observed(file, bill, fixed=fixed)
    try:
        fitted = fit(observed)
    except EconomicsError as error:
        raise EconomicsError(f"{file}: {error}") from error
    if json:
        show_json(_object(fitted, observed))
    else:
        _show(fitted, observed)


def _observed(file: Path, bill: str, *, fixed: bool) -> "list[Observed]":
    from meter.economics.cost.fit import Observed  # noqa: PLC0415

    rows = list(usage_rows(file))
    if rows and all(bill not in row.cells for row, _ in rows):
        raise SheetError(f"{file}:1: there is no column {bill!r}; there are {', '.join(rows[0][0].cells)}.")
    rated = any(used.quantities.keys() - UNRATED for _, used in rows)
    return [
        Observed(place=_place(row), bill=row.number(bill), used=_used(used, rated=rated, fixed=fixed))
        for row, used in rows
    ]


def _used(used: "Usage", *, rated: bool, fixed: bool) -> dict[Resource, Fraction]:
    """What is billed: where something else was measured, not what most providers do not bill."""
    kept = {name: amount for name, amount in used.quantities.items() if not (rated and name in UNRATED)}
    return {**kept, Resource.FIXED: Fraction(1)} if fixed else kept


def _place(row: Row) -> str:
    named = [row.cells[name] for name in NAMES if name in row.cells]
    return named[0] if named else f"line {row.line}"


def _show(fitted: "Fitted", observed: "list[Observed]") -> None:
    show_table("Rates that explain the bills best", ("unit", "rate", ""), _rate_rows(fitted))
    show("")
    most = max(map(abs, fitted.unexplained))
    show_table(
        "What they say of each",
        ("row", "bill", "explained", "unexplained", "of its bill"),
        [
            (one.place, money_text(one.bill), _money(said), f"{_money(rest)} {_bar(rest, most)}", _of_bill(rest, one))
            for one, said, rest in zip(observed, fitted.explained, fitted.unexplained, strict=True)
        ],
    )
    show("")
    show(f"Unexplained: {_percent(fitted)} of what was billed. Rates are estimates, and money by them is one, too.")
    if fitted.confounded:
        names = ", ".join(sorted(fitted.confounded))
        show(f"not_told_apart: these bills do not tell the rates of {names} apart; other rates explain them as well.")
    if fitted.unused:
        show(f"unused: nothing is known of the rates of {', '.join(sorted(fitted.unused))}.")


def _rate_rows(fitted: "Fitted") -> list[tuple[str, str, str]]:
    return [
        (resource.value, _money(rate), "not told apart" if resource in fitted.confounded else "")
        for resource, rate in fitted.rates.items()
    ]


def _money(estimated: float) -> str:
    return money_text(estimate(estimated))


def _of_bill(rest: float, one: "Observed") -> str:
    return percent_text(estimate(rest) / one.bill) if one.bill else "–"


def _percent(fitted: "Fitted") -> str:
    return percent_text(estimate(fitted.unexplained_share), 2)


def _bar(rest: float, most: float) -> str:
    return BARS[round(abs(rest) / most * (len(BARS) - 1))] if most else ""


def _object(fitted: "Fitted", observed: "list[Observed]") -> JsonObject:
    return {
        "rates": {resource.value: json_number(estimate(rate)) for resource, rate in fitted.rates.items()},
        "unexplained_share": json_number(estimate(fitted.unexplained_share)),
        "confounded": sorted(fitted.confounded),
        "unused": sorted(fitted.unused),
        "rows": [
            {
                "row": one.place,
                "bill": json_number(one.bill),
                "explained": json_number(estimate(said)),
                "unexplained": json_number(estimate(rest)),
            }
            for one, said, rest in zip(observed, fitted.explained, fitted.unexplained, strict=True)
        ],
    }

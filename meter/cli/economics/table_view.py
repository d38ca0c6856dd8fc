"""How a credit table is written: as the object that scripts read, and as tables for people."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil

from meter.cli.economics.writing import json_number, money_text
from meter.cli.printing import counted, show, show_table
from meter.economics.exact import decimal_text, percent_text
from meter.economics.table.build import Line, Table
from meter.economics.table.findings import Finding, share_text
from meter.economics.table.margins import Loss
from meter.economics.table.prices import price_quantity
from meter.economics.table.rounding import Mode
from meter.gateway.account_view import JsonObject

BARS = " ▁▂▃▄▅▆▇█"
"""From no distortion to the greatest of the table."""
NOTHING = "–"


def table_object(table: Table, found: Iterable[Finding]) -> JsonObject:
    """What scripts read."""
    return {
        "operations": [_line_object(line) for line in table.lines],
        "price_per_credit": json_number(table.price),
        "levels": [json_number(level) for level in table.levels],
        "findings": [{"code": one.code.value, "operation": one.operation, "sentence": one.sentence} for one in found],
    }


def show_built(table: Table, found: Iterable[Finding]) -> None:
    """Print it for people."""
    choices = table.choices
    columns = ("operation", "cost", "raw", "valued", "credits", "distortion", "margin")
    show_table(f"Ladder {choices.ladder.name}, rounding {choices.mode}", columns, _rows(table))
    show("")
    for line in _summary(table):
        show(line)
    if any(line.distortion for line in table.lines):
        show("")
        _show_rounding(table)
    for finding in found:
        show(f"{finding.code}: {finding.sentence}")


def _line_object(line: Line) -> JsonObject:
    ratio = line.margin.ratio
    return {
        "operation": line.profile.operation,
        "cost": json_number(line.profile.cost),
        "raw": json_number(line.raw),
        "valued": json_number(line.valued),
        "credits": json_number(line.credits),
        "distortion": None if line.distortion is None else json_number(line.distortion),
        "margin": json_number(ratio) if isinstance(ratio, Fraction) else None,
    }


def _rows(table: Table) -> Iterator[tuple[str, ...]]:
    distortions = [line.distortion or Fraction(0) for line in table.lines]
    most = max(map(abs, distortions))
    for line, distortion in zip(table.lines, distortions, strict=True):
        written = NOTHING if line.distortion is None else _signed(distortion, percent_text(distortion))
        yield (
            line.profile.operation,
            money_text(line.profile.cost),
            _short(line.raw),
            _short(line.valued),
            decimal_text(line.credits),
            f"{written:>8} {_bar(distortion, most)}".rstrip(),
            _margin(line.margin.ratio),
        )


def _bar(distortion: Fraction, most: Fraction) -> str:
    return BARS[ceil(abs(distortion) / most * (len(BARS) - 1))] if distortion else BARS[0]


def _margin(ratio: Fraction | Loss | None) -> str:
    match ratio:
        case None:
            return NOTHING
        case Loss():
            return "free"
        case share:
            return percent_text(share)


def _summary(table: Table) -> Iterator[str]:
    quantity = price_quantity(table.price)
    said = f": {money_text(table.price * quantity)} per {quantity:,} credits" if quantity > 1 else ""
    yield f"A credit costs {money_text(table.price)}{said}{_why(table)}."
    yield f"{counted(len(table.levels), 'level')}: {', '.join(map(decimal_text, table.levels))}."
    if table.mix_margin is not None:
        yield f"Over the calls of a month the margin is {percent_text(table.mix_margin)}."


def _why(table: Table) -> str:
    choices, target = table.choices, share_text(table.choices.target)
    if choices.price is not None:
        return ""
    reached = f", the least round price at which {{}} {target}"
    if choices.mode is Mode.MARGIN_SAFE:
        return reached.format("the base at the first step reaches")
    if choices.blended is not None:
        return reached.format(f"a cost of {decimal_text(choices.blended)} a credit leaves")
    return reached.format("the calls of a month leave" if table.mixed else "every operation leaves")


def _show_rounding(table: Table) -> None:
    rounded = [line for line in table.lines if line.distortion]
    months = ("a month",) if table.mixed else ()
    show_table(
        "What rounding adds to revenue",
        ("operation", "rounded", "a call", *months),
        [_rounding_row(line) for line in rounded],
    )
    if table.mixed:
        together = sum((line.rounding_money_month or Fraction(0) for line in rounded), Fraction(0))
        show(f"Together {_money(together)} a month.")


def _rounding_row(line: Line) -> tuple[str, ...]:
    month = line.rounding_money_month
    cells = (
        line.profile.operation,
        f"{_short(line.valued)} → {decimal_text(line.credits)}",
        _money(line.rounding_money),
    )
    return cells if month is None else (*cells, _money(month))


def _money(money: Fraction) -> str:
    return _signed(money, money_text(money))


def _signed(number: Fraction, written: str) -> str:
    return f"+{written}" if number > 0 else written


def _short(number: Fraction) -> str:
    """A number for people: whole from a thousand on, below it to four significant digits."""
    if number < 1:
        return money_text(number, currency="")
    decimals = max(0, 4 - len(str(int(number))))
    return decimal_text(Fraction(round(number * 10**decimals), 10**decimals))

"""Rate cards from files: YAML with ``rates``, ``currency`` and ``step``, or a table with ``unit`` and ``rate``."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from meter.economics.cost.rates import STEP, RateCard, rates_of
from meter.economics.cost.units import Resource
from meter.economics.exact import EconomicsError, parse
from meter.policy.mistakes import instead, shown
from meter.sheets.rows import Row, Sheet, SheetError

if TYPE_CHECKING:
    from meter.policy.reading import Entry, Node

CURRENCY_LETTERS = 3
KEYS = ("rates", "currency", "step")
YAML = frozenset({".yaml", ".yml"})

T = TypeVar("T")


def rate_card(path: Path) -> RateCard:
    """Read a rate card.

    Raises:
        SheetError: it can't be used: with file, line, value and fix.
        OSError: it can't be read at all.
    """
    return _from_yaml(path) if path.suffix.lower() in YAML else _from_table(path)


def _from_table(path: Path) -> RateCard:
    rates: list[tuple[str, Fraction]] = []
    for row in Sheet(path).rows("unit", "rate"):
        rates.append((row.text("unit"), row.number("rate")))
        _checked(rates, row)
    return RateCard(rates=rates_of(rates))


def _checked(rates: list[tuple[str, Fraction]], row: Row) -> None:
    """Refuse the last rate at its own line."""
    try:
        rates_of(rates)
    except EconomicsError as error:
        raise row.wrong("unit", str(error)) from error


def _from_yaml(path: Path) -> RateCard:
    entries = _entries(_tree(path), str(path), "a rate card")
    for key, entry in entries.items():
        if key not in KEYS:
            raise _wrong(entry, f"{shown(key)} is no part of a rate card; {instead(key, KEYS)}")
    if "rates" not in entries:
        raise SheetError(f"{path}:1: there are no rates; write rates: and a line for each, as cpu_seconds: 0.00004.")
    return RateCard(
        rates=_rates(_entries(entries["rates"].value, str(path), "rates")),
        currency=_currency(entries["currency"]) if "currency" in entries else "USD",
        step=_step(entries["step"]) if "step" in entries else STEP,
    )


def _tree(path: Path) -> "Node | None":
    from meter.policy.reading import FILE_BYTES_MAX, read  # noqa: PLC0415 - reading YAML is slow to import

    with path.open("rb") as opened:
        held = opened.read(FILE_BYTES_MAX + 1)
    try:
        reading = read(held.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise SheetError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8.") from error
    if reading.mistakes:
        raise SheetError("\n".join(map(str, reading.mistakes)))
    return reading.tree


def _entries(node: "Node | None", file: str, what: str) -> "Mapping[str, Entry]":
    from meter.policy.reading import Table  # noqa: PLC0415

    if not isinstance(node, Table) or not node.entries:
        line = 1 if node is None else node.place.line
        raise SheetError(f"{file}:{line}: {what} must be a mapping with something in it, as rates: {{cpu_seconds: 1}}.")
    return node.entries


def _rates(entries: "Mapping[str, Entry]") -> Mapping[Resource, Fraction]:
    written: list[tuple[str, Fraction]] = []
    for name, entry in entries.items():
        written.append((name, _number(entry, name)))
        _read(entry, lambda _: rates_of(written))
    return rates_of(written)


def _currency(entry: "Entry") -> str:
    written = _text(entry, "currency")
    if len(written) != CURRENCY_LETTERS or not (written.isascii() and written.isalpha() and written.isupper()):
        raise _wrong(entry, f"{shown(written)} is no currency; write its three letters, as USD (ISO 4217).")
    return written


def _step(entry: "Entry") -> Fraction:
    step = _number(entry, "step")
    if step <= 0:
        raise _wrong(entry, f"step is {step}; write what a bill is shared out in, as 0.01.")
    return step


def _number(entry: "Entry", name: str) -> Fraction:
    return _read(entry, lambda entry: parse(_text(entry, name)))


def _text(entry: "Entry", name: str) -> str:
    from meter.policy.reading import Scalar  # noqa: PLC0415

    node = entry.value
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        raise _wrong(entry, f"{name} has no single value; write one, as 0.00004.")
    return node.value


def _read(entry: "Entry", read: "Callable[[Entry], T]") -> T:
    try:
        return read(entry)
    except EconomicsError as error:
        raise _wrong(entry, str(error)) from error


def _wrong(entry: "Entry", sentence: str) -> SheetError:
    return SheetError(f"{entry.place.file}:{entry.place.line}: {sentence}")

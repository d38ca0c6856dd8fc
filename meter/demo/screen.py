"""What the audience sees."""

import json
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from meter.credits import Credits, text
from meter.demo.proof import Books
from meter.demo.traffic import Shown, Tally

_PLAIN_LIST = re.compile(r"\[([^\[\]{}]+)\]")


def live(tallies: Sequence[Tally], factors: Mapping[str, str]) -> RenderableType:
    """The table that moves: each customer's calls, credits and balance, and the adjustments in force."""
    table = Table(title="Calls through the gateway", title_justify="left", expand=False)
    for heading in ("customer", "plan"):
        table.add_column(heading)
    for heading in ("calls", "refused", "credits", "left"):
        table.add_column(heading, justify="right")
    table.add_column("last call", min_width=16, no_wrap=True)
    for tally in tallies:
        table.add_row(*_row(tally))
    return Group(table, Text(f"Adjustments in force: {_factors(factors)}"))


def _row(tally: Tally) -> tuple[str, ...]:
    left = "" if tally.remaining is None else _grouped(tally.remaining)
    counts = (f"{tally.calls}", f"{tally.refused}", _grouped(tally.consumed), left)
    return (tally.customer.account, tally.customer.plan, *counts, tally.last)


def _factors(factors: Mapping[str, str]) -> str:
    return ", ".join(f"{name} × {factor}" for name, factor in sorted(factors.items())) or "none"


def _grouped(amount: Credits) -> str:
    whole, point, rest = text(amount).partition(".")
    return f"{int(whole):,}{point}{rest}"


def summary(console: Console, tallies: Sequence[Tally], found: Sequence[Books]) -> None:
    """Print the books of every customer, as the ledger has them."""
    table = Table(title="The books: granted = consumed + reserved + remaining", title_justify="left")
    table.add_column("customer")
    for heading in ("calls", "refused", "granted", "consumed", "reserved", "remaining"):
        table.add_column(heading, justify="right")
    for tally, books in zip(tallies, found, strict=True):
        amounts = (books.granted, books.consumed, books.reserved, books.remaining)
        table.add_row(books.account, f"{tally.calls}", f"{tally.refused}", *map(_grouped, amounts))
    console.print(table)
    for tally in tallies:
        if tally.refusal:
            _plain(console, [f"{tally.customer.account} was refused: {tally.refusal}"])


def answer(console: Console, gateway: str, shown: Shown) -> None:
    """Print one metered answer in full, and the curl line that repeats it."""
    lines = [f"POST {shown.path} was answered:", "", f"HTTP/1.1 {shown.status} {HTTPStatus(shown.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in shown.headers]
    lines += ["", _indented(shown.body), "", "Once more:", ""]
    _plain(console, [*lines, curl(gateway, shown), ""])


def curl(gateway: str, shown: Shown) -> str:
    """The command that makes the call again; the one place where a key is shown."""
    return f"curl -i -X POST -H 'X-API-Key: {shown.key}' {gateway}{shown.path}"


def _indented(body: str) -> str:
    """JSON for people: indented, but with lists of plain values on one line."""
    return _PLAIN_LIST.sub(lambda found: f"[{' '.join(found[1].split())}]", json.dumps(json.loads(body), indent=2))


def _plain(console: Console, lines: Sequence[str]) -> None:
    """Print text as it is: not wrapped, so that it can be copied, and not coloured."""
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)

"""What commands print: data on standard output, talk on standard error.

Tables are for people and may change; what scripts read is JSON. Nothing that a user wrote is read as markup.
"""

from collections.abc import Iterable, Sequence

import msgspec
import typer

from meter.gateway.account_view import json_text


def show_json(value: object) -> None:
    """Print one JSON value, with exact amounts."""
    typer.echo(msgspec.json.format(json_text(value), indent=2).decode())


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table for people."""
    from rich import box  # noqa: PLC0415 - half of the time that a command takes to start
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(str, row))
    Console(markup=False, highlight=False, emoji=False).print(table)


def show(line: str) -> None:
    """Print a line of data."""
    typer.echo(line)


def say(sentence: str) -> None:
    """Tell people something that is no data."""
    typer.echo(sentence, err=True)


def counted(number: int, noun: str) -> str:
    """Write a number of things: ``1 route``, ``2 routes``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""``meter export``: all accounts with their grants into a file, a line each, as ``meter import`` reads them."""

import asyncio
import contextlib
import csv
import json as standard_json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from meter.cli.bulk.bar import Bar
from meter.cli.bulk.lines import COLUMNS
from meter.cli.importing import STEP_SECONDS
from meter.cli.options import Data, Redis
from meter.cli.printing import counted, say
from meter.cli.store import ask
from meter.gateway.account_view import json_text
from meter.gateway.operator.portable import line_object
from meter.ledger.promise import Statement
from meter.till import statement

if TYPE_CHECKING:
    from meter.ledger.engine import RedisLedger

PAGE = 1_000

Out = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="CSV if its name ends in .csv. Without: JSON lines to be read on."),
]


def export_accounts(file: Out = None, *, redis: Redis = None, data: Data = None) -> None:
    """Write every account with its grants, for `meter import` here or elsewhere.

    Balances move, histories and keys don't: a grant goes with what is left of it.
    """
    with _opened(file) as out, Bar("Exporting accounts", total=None) as bar:
        write = _rows(out) if file is not None and file.suffix.lower() == ".csv" else _lines(out)
        number = ask(lambda ledger: _export(ledger, write, bar.at), redis=redis, data=data, step_seconds=STEP_SECONDS)
    say(f"{counted(number, 'account')} exported.")


async def _export(ledger: "RedisLedger", write: Callable[[Statement], None], told: Callable[[int], None]) -> int:
    cursor, number = "", 0
    while True:
        cursor, names = await ledger.accounts(cursor, count=PAGE)
        found = await asyncio.gather(*(statement(ledger, name) for name in names))
        for one in found:
            if one is not None:
                write(one)
                number += 1
        told(number)
        if not cursor:
            return number


@contextlib.contextmanager
def _opened(file: Path | None) -> Iterator[TextIO]:
    if file is None:
        yield sys.stdout
        return
    with file.open("w", encoding="utf-8", newline="") as opened:
        yield opened


def _lines(out: TextIO) -> Callable[[Statement], None]:
    return lambda one: print(json_text(line_object(one)).decode(), file=out)


def _rows(out: TextIO) -> Callable[[Statement], None]:
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    return lambda one: writer.writerows(_of_account(one))


def _of_account(one: Statement) -> Iterator[Mapping[str, object]]:
    """An account as lines of CSV: one for each of its grants, or one without."""
    said = standard_json.loads(json_text(line_object(one)), parse_float=str, parse_int=str)
    grants = said.pop("grants")
    for grant in grants or [{}]:
        scope = " ".join(grant.pop("scope", ()))
        yield {**said, "grant": grant.pop("id", None), "scope": scope, **grant}

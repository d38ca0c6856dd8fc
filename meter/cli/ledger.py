"""``meter ledger``: the entries outside the store."""

from pathlib import Path
from typing import Annotated

import typer

from meter.archive.files import Archive, ArchiveBroken
from meter.cli.ends import Refusal
from meter.cli.options import Data, Json, Redis, settings
from meter.cli.printing import show, show_json
from meter.cli.store import ask
from meter.ledger.export import ExportBusy, export

app = typer.Typer(no_args_is_help=True, help="Take the ledger's entries out of the store.")

To = Annotated[
    Path | None, typer.Option("--to", metavar="DIR", help="The folder of the exported files [default: in --data].")
]


@app.callback()
def group() -> None:
    """Keep `ledger` a group while it has one command."""


@app.command("export")
def export_entries(*, to: To = None, redis: Redis = None, data: Data = None, json: Json = False) -> None:
    """Write all entries to files, and trim them from the store; what is exported already is not written again."""
    folder = to or settings(data=data).archive
    try:
        shards = ask(lambda books: export(books, Archive(folder)), redis=redis, data=data)
    except (ArchiveBroken, ExportBusy) as error:
        raise Refusal(str(error)) from error
    entries, trimmed = (sum(getattr(one, name) for one in shards) for name in ("entries", "trimmed"))
    if json:
        show_json({"to": str(folder), "entries": entries, "trimmed": trimmed, "shards": shards})
        return
    show(f"{entries} entries exported to {folder}, {trimmed} trimmed from the store.")

"""``meter ledger``: the entries outside the store, and what the store has lost."""

from pathlib import Path
from typing import Annotated

import typer

from meter.archive.files import Archive, ArchiveBroken
from meter.cli.ends import Exit, Refusal
from meter.cli.options import Data, Json, Redis, settings
from meter.cli.printing import show, show_json
from meter.cli.store import ask
from meter.ledger.export import ExportBusy, export

app = typer.Typer(no_args_is_help=True, help="Take the ledger's entries out of the store, and put back what it lost.")

To = Annotated[
    Path | None, typer.Option("--to", metavar="DIR", help="The folder of the exported files [default: in --data].")
]


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


@app.command("reapply")
def reapply_calls(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Charge what is lost. Without: only say what it is.")] = False,
    archive: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="The folder of exported files [default: in --data].")
    ] = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Find calls whose charges the store has lost, for it came back older than it was, and charge them again."""
    from meter.cli import reapplying  # noqa: PLC0415 - the engine takes longer to import than the rest to run

    here = settings(data=data)
    reserve, exported = here.data / "reserve", archive or here.archive
    try:
        answer = ask(lambda books: reapplying.reapplied(books, reserve, exported, apply=apply), redis=redis, data=data)
    except ArchiveBroken as error:
        raise Refusal(str(error)) from error
    (reapplying.show_as_json if json else reapplying.show_to_people)(answer)
    if not answer.is_fine:
        raise typer.Exit(Exit.FINDINGS)

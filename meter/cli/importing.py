"""``meter import``: accounts out of a file, CSV or JSON lines, many at once."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meter.cli.bulk.bar import Bar
from meter.cli.bulk.lines import Bad, BadFile, Reader
from meter.cli.ends import Exit, Refusal
from meter.cli.options import Data, Json, Policies, Redis, settings
from meter.cli.policy_commands import read
from meter.cli.printing import counted, say, show, show_json
from meter.cli.store import ask

if TYPE_CHECKING:
    from meter.cli.bulk.applying import Applied

STEP_SECONDS = 10.0
"""Thousands of steps wait for the store at once, and nobody waits for one of them."""

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A file of accounts: CSV if its name ends in .csv, else JSON lines as `meter export` writes them.",
        exists=True,
        dir_okay=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would become of each line; change nothing.")]


def import_accounts(
    file: File,
    *,
    dry_run: DryRun = False,
    policies: Policies = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Open accounts, with their grants, as the lines of a file say; importing it again changes nothing.

    A bad line is named, and nothing of it is applied; the rest is.
    """
    from meter.cli.bulk.applying import Books, DryBooks, Import  # noqa: PLC0415 - the engine takes long to import

    reader = Reader(file, read(settings(policies=policies).policies), now=int(time.time()))

    def name(bad: Bad) -> None:
        if not json:
            say(sentence(file, bad))

    with Bar(f"Importing {file.name}", total=file.stat().st_size) as bar:

        def told(_: object) -> None:
            bar.at(reader.bytes_read)

        try:
            applied = ask(
                lambda ledger: Import((DryBooks if dry_run else Books)(ledger), told, name).run(reader),
                redis=redis,
                data=data,
                step_seconds=STEP_SECONDS,
            )
        except BadFile as error:
            raise Refusal(f"{file}: {error}") from error
    if json:
        show_json({"file": str(file), "dry_run": dry_run, **_object(applied)})
    else:
        show(_summary(applied, "would be " if dry_run else ""))
    if applied.bad:
        raise typer.Exit(Exit.FINDINGS)


def _summary(applied: "Applied", would: str) -> str:
    accounts = f"{counted(applied.opened, 'account')} {would}opened, {applied.there} there before"
    grants = f"{counted(applied.granted, 'grant')} {would}given, {applied.granted_before} given before"
    return f"{counted(applied.lines, 'line')}: {accounts}; {grants}; {len(applied.bad)} bad."


def _object(applied: "Applied") -> Mapping[str, object]:
    """Shape what became of a file, for scripts."""
    bad = [{"line": one.number, "value": one.value, "reason": one.reason} for one in applied.bad]
    counts = {name: getattr(applied, name) for name in ("lines", "opened", "there", "granted", "granted_before")}
    return {**counts, "bad": bad}


def sentence(file: Path, bad: Bad) -> str:
    """Name a bad line."""
    return f"{file}:{bad.number}: " + (f"{bad.value!r}: " if bad.value else "") + bad.reason

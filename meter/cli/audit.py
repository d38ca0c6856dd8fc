"""``meter audit`` and ``meter re-rate``: the proof that the books are right, and one price once more."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meter.archive.files import Archive, ArchiveBroken
from meter.cli.auditing import report_object, show_report
from meter.cli.ends import Exit, Refusal
from meter.cli.options import Data, Json, Redis, settings
from meter.cli.printing import say, show_json
from meter.cli.rerating import Again, again, show_again
from meter.cli.store import ask, nobody
from meter.ledger.audit.lookup import Found, find
from meter.ledger.audit.reading import Files, NoFiles
from meter.ledger.audit.report import Report
from meter.ledger.audit.run import Progress, audit
from meter.ledger.names import check_account_id

if TYPE_CHECKING:
    from meter.ledger.engine import RedisLedger

STEP_SECONDS = 5.0
"""Nobody's call waits for an audit, and it reads a thousand entries at a time."""
TELL_SECONDS = 2.0
"""How often an audit says how far it is."""

From = Annotated[
    Path | None,
    typer.Option("--from", metavar="DIR", help="The folder of the exported files [default: the one in --data]."),
]
Only = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="ACCOUNT",
        help="The only account to look at.",
        callback=lambda written: None if written is None else check_account_id(written) or written,
    ),
]
EntryId = Annotated[str, typer.Argument(metavar="ENTRY", help="The entry's id, such as 1732269600000-0.")]
Shard = Annotated[int | None, typer.Option("--shard", metavar="N", min=0, help="The shard that the entry is in.")]


def audit_books(
    *, from_: From = None, account: Only = None, redis: Redis = None, data: Data = None, json: Json = False
) -> None:
    """Recompute every balance from its entries, and say what holds and what does not.

    It may run while calls are charged. With 1 it says that something does not hold, and what to do.
    """
    files, tell = _files(from_, data), _Teller()

    async def audited(books: "RedisLedger") -> Report:
        report = await audit(books, files, account=account, told=tell)
        if account is not None and not report.entries and await books.find_account(account) is None:
            raise nobody(account)
        return report

    try:
        report = ask(audited, redis=redis, data=data, step_seconds=STEP_SECONDS)
    except ArchiveBroken as error:
        raise Refusal(str(error)) from error
    if json:
        show_json(report_object(report))
    else:
        show_report(report)
    if report.findings:
        raise typer.Exit(Exit.FINDINGS)


def re_rate(
    entry: EntryId,
    *,
    account: Only = None,
    shard: Shard = None,
    from_: From = None,
    redis: Redis = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Price an entry again from what it recorded, and compare."""
    priced = _priced(entry, account, shard, _files(from_, data), redis=redis, data=data)
    if json:
        show_json(priced.as_object())
    else:
        show_again(priced)
    if not priced.rated.equal:
        raise typer.Exit(Exit.FINDINGS)


def _priced(entry: str, account: str | None, shard: int | None, files: Files, *, redis: Redis, data: Data) -> Again:
    async def looked_up(books: "RedisLedger") -> tuple[Found, ...]:
        named = books.shard_of(account) if account else shard
        return await find(books, files, entry, range(books.shards) if named is None else (named,))

    try:
        found = ask(looked_up, redis=redis, data=data, step_seconds=STEP_SECONDS)
    except ArchiveBroken as error:
        raise Refusal(str(error)) from error
    return again(entry, [one for one in found if account in (None, one.entry.account)])


def _files(chosen: Path | None, data: Path | None) -> Files:
    """The exported files: those of the folder that was named, else those of the data folder, if there are any."""
    if chosen is not None and not chosen.is_dir():
        raise Refusal(f"{chosen} is no folder; give the folder that `meter ledger export` writes to.")
    folder = chosen or settings(data=data).archive
    return Archive(folder) if folder.is_dir() else NoFiles()


class _Teller:
    """Says how far an audit is, now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + TELL_SECONDS

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_SECONDS
            say(f"{progress.shard} of {progress.shards} shards are read, {progress.entries} entries.")

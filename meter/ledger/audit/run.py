"""The audit of a whole store, shard by shard, while others write."""

from collections.abc import Callable
from dataclasses import dataclass

from meter.ledger.audit.reading import Files, Moved
from meter.ledger.audit.report import Report
from meter.ledger.audit.shard import Books, ShardAudit
from meter.ledger.promise import LedgerUnavailable

TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an audit is."""

    shard: int
    """So many shards are done, of..."""
    shards: int
    entries: int
    """So many entries are read."""


Told = Callable[[Progress], object]


async def audit(books: Books, files: Files, *, account: str | None = None, told: Told = lambda _: None) -> Report:
    """Recompute every balance from its entries, and check what must hold.

    Args:
        books: the ledger.
        files: the entries that were exported.
        account: the only one to look at; None for all.
        told: hears how far the audit is.

    Raises:
        LedgerUnavailable: the store went away, or is trimmed faster than it can be read.
        OSError: a file of the archive is broken.
    """
    report = Report()
    shards = [books.shard_of(account)] if account else await books.shards_in_use()
    for done, shard in enumerate(shards):
        before = Progress(shard=done, shards=len(shards), entries=report.entries)
        report.add(await _shard(ShardAudit(books, files, shard, only=account), before, told))
    return report


async def _shard(looking: ShardAudit, before: Progress, told: Told) -> Report:
    def tell(entries: int) -> None:
        told(Progress(shard=before.shard, shards=before.shards, entries=before.entries + entries))

    for _ in range(TRIES):
        try:
            return await looking.report(tell)
        except Moved:
            continue
    raise LedgerUnavailable(
        f"Entries of shard {looking.shard} leave the store faster than they are read; give the files with --from.",
        fate_unknown=False,
    )

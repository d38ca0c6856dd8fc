"""What a store that came back older has lost of what is kept on this machine, and how it comes back into its books.

Kept are the journals of outages, and the charges that a worker found missing when it noticed. A call is in the books if
its operation has a record, or an entry in the store or among the exported ones. Where the store was trimmed and the
exported entries do not reach so far, nobody knows, and nothing is charged.
"""

import json
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from meter.archive import files as archive
from meter.credits import Credits
from meter.ledger import kept_files
from meter.ledger.history import CHARGING
from meter.ledger.ids import birth
from meter.ledger.leasing import LeasingLedger, Posting
from meter.ledger.promise import Order, Word
from meter.ledger.reserve import lines as written
from meter.ledger.reserve.fund import Fund, funds
from meter.ledger.reserve.journal import kept_folder, read_file
from meter.ledger.reserve.lines import Began, Close, Debit, Line
from meter.ledger.reserve.posting import charged_late
from meter.ledger.shards import PAGE_MAX

EARLY_SECONDS = 60
"""An operation may be born so much ahead of the store's clock."""
OPS_AT_ONCE = 500


class State(StrEnum):
    """What is known of a call that is kept."""

    BOOKED = "booked"
    LOST = "lost"
    """It is not in the books."""
    COVERED = "covered"
    """The lease that it was served from was charged in its place."""
    UNKNOWN = "unknown"
    """The entries of its time are not at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One call that is kept, and whether the books have it."""

    posting: Posting
    leased: bool
    state: State


class Books(LeasingLedger, Protocol):
    """What this needs of the ledger."""

    async def states(self, shard: int, ops: Sequence[str]) -> list[str]:
        """What the records of some operations say became of them."""
        ...

    async def entries(
        self, shard: int, after: str = "", count: int = PAGE_MAX, *, upto: str = "+"
    ) -> tuple[tuple[str, str], ...]:
        """A page of a shard's entries."""
        ...


@dataclass(slots=True)
class _Shard:
    """What is known of one shard since some second."""

    charged: set[str]
    """Operations."""
    expired: set[str]
    """Leases."""
    since: int
    """The second from which on all entries are at hand."""


def keep(folder: Path, orders: Iterable[Order]) -> None:
    """Keep charges that the store has lost, if there are any; they are on disk when this returns."""
    lines: list[Line] = []
    for order in orders:
        fund = secrets.token_hex(8)
        lines += (
            Began(fund=fund, account=order.account.id, owner="", most=order.amount),
            Debit(
                fund=fund,
                op=order.op,
                operation=order.operation,
                price=order.amount,
                amount=order.amount,
                quote=order.quote,
            ),
            Close(op=order.op, seq=1, amount=order.amount, quote=""),
        )
    if not lines:
        return
    kept = kept_folder(folder)
    path, descriptor = kept_files.create(kept)
    try:
        kept_files.append(descriptor, written.text(lines))
    finally:
        os.close(descriptor)
    path.rename(kept / f"{time.time_ns():x}-{path.name}")
    kept_files.sync(kept)


async def found(books: Books, folder: Path, archived: Path) -> list[Kept]:
    """All calls that are kept, in order, and whether the books have them.

    Raises:
        ArchiveBroken: exported entries can't be read.
        LedgerUnavailable: the store is away.
    """
    by_shard: dict[int, list[tuple[Posting, bool]]] = defaultdict(list)
    for fund in _kept_funds(folder):
        by_shard[books.shard_of(fund.account)] += [(posting, fund.is_lease) for posting in fund.due]
    kept: list[Kept] = []
    for shard, calls in sorted(by_shard.items()):
        kept += await _compared(books, shard, calls, archived)
    return kept


async def reapply(books: Books, lost: Kept) -> Credits | None:
    """Charge a lost call: to its lease where that is open again, else late; what was charged, or None where it failed.

    Raises:
        LedgerUnavailable: the store is away.
    """
    if lost.leased:
        posted = await books.post(lost.posting)
        if posted.word in (Word.DONE, Word.REPEAT):
            return lost.posting.amount
        if posted.word is not Word.GONE:
            return None
    closed = await charged_late(books, lost.posting, counted=False)
    return closed.amount if closed.word is Word.DONE else None


def _kept_funds(folder: Path) -> Iterator[Fund]:
    for path in sorted(kept_folder(folder).glob(f"*{kept_files.SUFFIX}")):
        for fund in funds(read_file(path)).values():
            fund.close_running()
            yield fund


async def _compared(books: Books, shard: int, calls: Sequence[tuple[Posting, bool]], archived: Path) -> list[Kept]:
    ops = [posting.op for posting, _ in calls]
    born = min(map(birth, ops)) - EARLY_SECONDS
    known = await _entries(books, shard, born, archived)
    for first in range(0, len(ops), OPS_AT_ONCE):
        page = ops[first : first + OPS_AT_ONCE]
        states = await books.states(shard, page)
        known.charged.update(op for op, state in zip(page, states, strict=True) if state != "-")
    return [Kept(posting=posting, leased=leased, state=_state(known, posting)) for posting, leased in calls]


def _state(known: _Shard, posting: Posting) -> State:
    if posting.op in known.charged:
        return State.BOOKED
    if posting.fund in known.expired:
        return State.COVERED
    return State.LOST if known.since <= birth(posting.op) else State.UNKNOWN


async def _entries(books: Books, shard: int, since: int, archived: Path) -> _Shard:
    """Look through all entries of a shard since a second, those that were exported and trimmed too."""
    known, after = _Shard(set(), set(), since), f"{max(0, since)}000-0"
    while page := await books.entries(shard, after, PAGE_MAX):
        for _, text in page:
            _note(known, text)
        after = page[-1][0]
    exported = [part for part in archive.parts(archived) if part.shard == shard and _second(part.last) >= since]
    for part in exported:
        for stored in archive.entries(part):
            _note(known, stored.entry)
    if not exported:
        known.since = max(since, await _begin(books, shard))
    return known


async def _begin(books: Books, shard: int) -> int:
    """The second from which on the store has all entries of a shard; its first one ever opened an account."""
    first = await books.entries(shard, "", 1)
    if not first:
        return 0
    is_whole = json.loads(first[0][1])["kind"] == "open"
    return _second(first[0][0]) + (0 if is_whole else 1)


def _note(known: _Shard, text: str | bytes) -> None:
    said = json.loads(text)
    if said["kind"] in CHARGING:
        known.charged.add(said["op"])
    if said["kind"] == "expire_hold":
        known.expired.add(said["op"])


def _second(stream_id: str) -> int:
    return archive.position(stream_id)[0] // 1000

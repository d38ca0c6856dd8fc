"""The audit of one shard.

An account is read together with the place in the stream that made it so, and compared when the entries are read up to
there; holds likewise, after that. So traffic makes no finding.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from meter.ledger.audit.checks import differences, unbalanced
from meter.ledger.audit.entry import Line, read
from meter.ledger.audit.finding import Finding, Invariant
from meter.ledger.audit.holds import HELD, adopted, unheld, wrong_hold
from meter.ledger.audit.journal import Journal
from meter.ledger.audit.levels import wrong_levels
from meter.ledger.audit.reading import ZERO, Entries, Files, Reading
from meter.ledger.audit.report import Report
from meter.ledger.audit.standing import Since, Standing
from meter.ledger.audit.stored import HoldsStored, HoldStored, Stored, Unreadable
from meter.ledger.holding import OpenHold
from meter.ledger.limits import Level
from meter.ledger.names import position

AT_ONCE = 64
HOLDS_AT_ONCE = 256
HOLDS_MAX = 100_000
"""So many open holds of a shard are looked through for one that no entry knows."""
PAGE_ACCOUNTS = 1_000

T = TypeVar("T")


class Books(Entries, Protocol):
    """What an audit needs of the ledger. Every method may raise ``LedgerUnavailable``, and but for one nothing else."""

    def shard_of(self, account: str) -> int:
        """Where an account lives."""
        ...

    async def shards_in_use(self) -> Sequence[int]:
        """The shards that have accounts or entries."""
        ...

    async def account_ids(self, shard: int, after: str, count: int) -> Sequence[str]:
        """A page of the account ids of a shard, those after one; an empty one begins."""
        ...

    async def stored(self, account: str) -> Stored | None:
        """An account as it is stored; may raise ``Unreadable``."""
        ...

    async def holds(self, shard: int, *, overdue: bool, count: int) -> Sequence[OpenHold]:
        """The open holds of a shard."""
        ...

    async def holds_stored(self, shard: int, members: Sequence[str]) -> HoldsStored:
        """What is stored of some operations, each given as ``account|op``."""
        ...

    async def levels_stored(self, root: str) -> tuple[str, Mapping[str, Level]]:
        """The limits of a root and of all below it, and the place in the stream that made them so."""
        ...


class ShardAudit:
    """One shard, or one account of it."""

    def __init__(self, books: Books, files: Files, shard: int, *, only: str | None = None) -> None:
        self.shard = shard
        self._books = books
        self._files = files
        self._only = only

    async def report(self, tell: Callable[[int], object]) -> Report:
        """Look at everything once; ``tell`` hears how many entries are read.

        Raises:
            Moved: entries have gone that were never read.
        """
        looking = _Looking(self._books, self._files, self.shard, self._only, tell)
        await looking.at_accounts()
        await looking.at_those_that_are_not_listed()
        await looking.at_holds()
        await looking.at_levels()
        return looking.report()


class _Looking:
    """One look at a shard."""

    def __init__(self, books: Books, files: Files, shard: int, only: str | None, tell: Callable[[int], object]) -> None:
        self._books = books
        self._reading = Reading(books, files, shard)
        self._shard = shard
        self._only = only
        self._tell = tell
        self._journal = Journal()
        self._due: dict[str, Stored] = {}
        """Accounts that are compared when the entries are read up to where they stand."""
        self._looked_at: set[str] = set()
        self._findings: list[Finding] = []

    async def at_accounts(self) -> None:
        """Every account of the list."""
        await self._look_at(await self._listed())

    async def at_those_that_are_not_listed(self) -> None:
        """Accounts that have entries and are not on the list, and those that were opened meanwhile."""
        await self._read((await self._books.holds_stored(self._shard, ())).position)
        listed = set(await self._listed())
        for account in sorted(self._journal.standings.keys() - self._looked_at - listed):
            self._find(account, "has entries, and is not on the list of accounts.", _UNLISTED)
        await self._look_at(sorted((listed | self._journal.standings.keys()) - self._looked_at))

    async def at_holds(self) -> None:
        """Every hold that is open, by the list or by the entries."""
        listed = await self._books.holds(self._shard, overdue=False, count=HOLDS_MAX)
        members = {f"{hold.account}|{hold.op}" for hold in listed if self._only in (None, hold.account)}
        members |= {f"{life.account}|{op}" for op, life in self._journal.open_holds()}
        for some in _batches(sorted(members), HOLDS_AT_ONCE) if members else ((),):
            there = await self._books.holds_stored(self._shard, some)
            await self._read(there.position)
            for hold in there.holds:
                self._check(hold, there.now)

    async def at_levels(self) -> None:
        """Every limit that the entries know of; those of one account alone don't say what was spent above it."""
        roots = {level.root for level in self._journal.levels.values()} if self._only is None else ()
        for root in sorted(roots):
            place, levels = await self._books.levels_stored(root)
            await self._read(place)
            self._findings += wrong_levels(self._journal.levels, root, levels)

    def report(self) -> Report:
        """What was looked at, and what was found."""
        journal = self._journal
        held: Counter[str] = Counter()
        for _, life in journal.open_holds():
            held[life.account] += life.amount
        standings = journal.standings.values()
        partly = [standing for standing in standings if not standing.whole]
        found = [*journal.findings, *self._findings]
        for standing in partly:
            found += unheld(standing, held[standing.account])
        return Report(
            accounts=len(self._looked_at),
            entries=journal.entries,
            operations=len(journal.lives),
            holds=sum(1 for _ in journal.open_holds()),
            from_checkpoint=len(partly),
            findings=found,
        )

    async def _listed(self) -> list[str]:
        if self._only is not None:
            return [self._only]
        found: list[str] = []
        while page := await self._books.account_ids(self._shard, found[-1] if found else "", PAGE_ACCOUNTS):
            found += page
        return found

    async def _look_at(self, accounts: Iterable[str]) -> None:
        """Read accounts as they are stored, then the entries up to there."""
        for some in _batches(accounts, AT_ONCE):
            for account, stored in zip(some, await asyncio.gather(*map(self._stored, some)), strict=True):
                self._looked_at.add(account)
                if stored is not None:
                    self._due[account] = stored
                    self._findings += unbalanced(stored)
        await self._read(max((stored.position for stored in self._due.values()), key=position, default=ZERO))

    async def _stored(self, account: str) -> Stored | None:
        try:
            stored = await self._books.stored(account)
        except Unreadable as error:
            self._find(account, f"can't be read: {error}.", _BROKEN)
            return None
        if stored is None:
            self._find(account, "has no books.", _BROKEN)
        return stored

    async def _read(self, last: str) -> None:
        """Take in the entries up to one, and compare the accounts that stand before it."""
        async for page in self._reading.upto(last):
            for stream_id, text in page:
                self._take(stream_id, text)
            self._tell(self._journal.entries)
        for account in [name for name, stored in self._due.items() if position(stored.position) <= position(last)]:
            self._compare(account)

    def _take(self, stream_id: str, text: str | bytes) -> None:
        entry = read(text)
        if entry is None:
            self._unreadable(stream_id, text)
            return
        if self._only not in (None, entry.account):
            return
        stored = self._due.get(entry.account)
        if stored is not None and position(stream_id) > position(stored.position):
            self._compare(entry.account)
        self._journal.take(Line(stream_id, entry))

    def _compare(self, account: str) -> None:
        stored, standing = self._due.pop(account), self._journal.standings.get(account)
        if standing is None:
            self._find(account, "has no entries that were read.", _ELSEWHERE)
        elif standing.since is Since.NOWHERE:
            self._find(account, f"has entries before {standing.first} that were not read.", _ELSEWHERE, standing)
        else:
            self._findings += differences(standing, stored)

    def _check(self, hold: HoldStored, now: int) -> None:
        lives, standing = self._journal.lives, self._journal.standings.get(hold.account)
        if hold.op not in lives and hold.state == HELD and not (standing and standing.whole):
            lives[hold.op] = adopted(hold)
        life = lives.get(hold.op)
        mine = life if life and life.account == hold.account else None
        self._findings += wrong_hold(mine, hold, self._shard, now)

    def _unreadable(self, stream_id: str, text: str | bytes) -> None:
        account = _account_of(text)
        if self._only in (None, account):
            says = f"has an entry {stream_id} that can't be read."
            self._find(account, says, "Find out who wrote it; one of a later version is read by that.")

    def _find(self, account: str, says: str, fix: str, standing: Standing | None = None) -> None:
        self._findings.append(
            Finding(
                invariant=Invariant.ONE_ENTRY,
                account=account,
                entry=standing.first if standing else None,
                says=f"The account {says}",
                fix=fix,
            )
        )


_UNLISTED = "If it is yours, put it back on the list: ZADD {meter:<shard>}:accounts 0 <account>."
_BROKEN = "Nobody but meter may write to its keys: restore them from a backup, or fold them from the entries."
_ELSEWHERE = "They were exported: give the folder of the files with --from."


def _account_of(text: str | bytes) -> str:
    try:
        return str(json.loads(text)["account"])
    except (ValueError, KeyError, TypeError):
        return ""


def _batches(items: Iterable[T], count: int) -> Iterator[tuple[T, ...]]:
    following = iter(items)
    while some := tuple(islice(following, count)):
        yield some

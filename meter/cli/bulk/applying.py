"""Lines of accounts put into the books: many at once, those of one account in their order, each wholly or not at all.

Whatever could refuse a part of a line is looked for before its first change. Each change is done once, however often a
file is imported.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

from meter.cli.bulk.lines import Bad, Line
from meter.credits import LIMIT, text
from meter.gateway.operator.asked import same_terms
from meter.gateway.operator.grants import not_granted
from meter.ledger.engine import GRANTS_MAX
from meter.ledger.ids import operation_id
from meter.ledger.promise import Grant, Status, Word
from meter.ledger.records import grant_text
from meter.pricing.terms import Terms

if TYPE_CHECKING:
    from meter.ledger.engine import RedisLedger

LANES = 512
"""So many accounts are worked at once."""
WAITING_MAX = 8
"""Lines that wait in a lane."""


class Refused(Exception):
    """Nothing of a line is applied; the message says why, after the value."""

    def __init__(self, value: str, reason: str) -> None:
        super().__init__(reason)
        self.value = value


@dataclass(slots=True)
class Applied:
    """What became of a file."""

    lines: int = 0
    opened: int = 0
    there: int = 0
    granted: int = 0
    granted_before: int = 0
    bad: list[Bad] = field(default_factory=list)


class Books:
    """The books as an import changes them."""

    def __init__(self, ledger: "RedisLedger") -> None:
        self._ledger = ledger

    def now(self) -> int:
        """The store's Unix second."""
        return self._ledger.now()

    async def terms(self, account: str) -> Terms | None:
        """The terms of an account; None where it is not open."""
        found = await self._ledger.find_account(account)
        return None if found is None else found.terms

    async def open(self, line: Line) -> tuple[bool, Terms]:
        """Open an account; whether it was not open before, and the terms that it has now."""
        word, account = await self._ledger.open_account(line.account, line.terms, op=f"open:{line.account}"[:256])
        return word is Word.DONE, account.terms

    async def stored(self, account: str, grants: Sequence[Grant]) -> dict[str, str]:
        """The facts of those grants that the account has, or had."""
        return dict(await self._ledger.grants_stored(account, [grant.id for grant in grants]))

    async def room(self, account: str) -> tuple[int, int]:
        """How many grants an account can take yet, and how many micro-credits."""
        found = await self._ledger.statement(account)
        assert found is not None
        return GRANTS_MAX - len(found.grants), LIMIT - found.granted

    async def grant(self, account: str, grant: Grant) -> Word:
        """Give credits."""
        return (await self._ledger.grant(account, grant))[0]

    async def suspend(self, account: str) -> None:
        """Suspend an account, unless it is."""
        found = await self._ledger.statement(account)
        if found is not None and found.status is not Status.SUSPENDED:
            await self._ledger.set_status(account, Status.SUSPENDED, op=operation_id(self._ledger.now()))


class DryBooks(Books):
    """The books as they would be: what an import would have changed is kept beside them."""

    def __init__(self, ledger: "RedisLedger") -> None:
        super().__init__(ledger)
        self._terms: dict[str, Terms] = {}
        self._grants: dict[str, dict[str, Grant]] = {}

    async def terms(self, account: str) -> Terms | None:
        """The terms that the account would have."""
        return self._terms.get(account) or await super().terms(account)

    async def open(self, line: Line) -> tuple[bool, Terms]:
        """Note that an account would be open."""
        there = await self.terms(line.account)
        return there is None, self._terms.setdefault(line.account, there or line.terms)

    async def stored(self, account: str, grants: Sequence[Grant]) -> dict[str, str]:
        """The facts of those grants that the account would have."""
        planned = {name: grant_text(grant) for name, grant in self._grants.get(account, {}).items()}
        return {**await super().stored(account, grants), **planned}

    async def room(self, account: str) -> tuple[int, int]:
        """What would be left of an account's room."""
        planned = self._grants.get(account, {}).values()
        opened = await super().terms(account) is None
        number, amount = (
            (GRANTS_MAX - 1, LIMIT - self._terms[account].included) if opened else await super().room(account)
        )
        return number - len(planned), amount - sum(grant.amount for grant in planned)

    async def grant(self, account: str, grant: Grant) -> Word:
        """Note that credits would be given."""
        known = (await self.stored(account, [grant])).get(grant.id)
        self._grants.setdefault(account, {}).setdefault(grant.id, grant)
        return Word.DONE if known is None else Word.REPEAT

    async def suspend(self, account: str) -> None:
        """Change nothing."""


class Import:
    """Puts the lines of one file into the books."""

    def __init__(self, books: Books, told: Callable[[Applied], object], named: Callable[[Bad], object]) -> None:
        """Take the books.

        Args:
            books: real or dry.
            told: is called as lines are done.
            named: is called for each bad line.
        """
        self._books = books
        self._told = told
        self._named = named
        self._lanes: list[asyncio.Queue[Line | None]] = [asyncio.Queue(WAITING_MAX) for _ in range(LANES)]
        self.applied = Applied()

    async def run(self, lines: Iterable[Line | Bad]) -> Applied:
        """Apply all lines.

        Raises:
            LedgerUnavailable: the store went away; what is done is done, and the same file may be imported again.
            BadFile: as ``Reader``.
            OSError: the file can't be read.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                for lane in self._lanes:
                    tasks.create_task(self._work(lane))
                await self._feed(lines)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return self.applied

    async def _feed(self, lines: Iterable[Line | Bad]) -> None:
        for line in lines:
            if isinstance(line, Bad):
                self._done(line)
            else:
                await self._lanes[crc32(line.account.encode()) % LANES].put(line)
        for lane in self._lanes:
            await lane.put(None)

    async def _work(self, lane: "asyncio.Queue[Line | None]") -> None:
        while (line := await lane.get()) is not None:
            try:
                await self._apply(line)
            except Refused as refused:
                self._done(Bad(number=line.number, value=refused.value, reason=str(refused)))
            else:
                self._done(None)

    def _done(self, bad: Bad | None) -> None:
        self.applied.lines += 1
        if bad is not None:
            self.applied.bad.append(bad)
            self._named(bad)
        self._told(self.applied)

    async def _apply(self, line: Line) -> None:
        doubtful = _late(line.grants, self._books.now()) or _much(line)
        if doubtful and await self._books.terms(line.account) is None:
            raise doubtful
        opened, terms = await self._books.open(line)
        if not opened:
            await self._check(line, terms)
        words = await asyncio.gather(*(self._books.grant(line.account, grant) for grant in line.grants))
        for grant, word in zip(line.grants, words, strict=True):
            if word not in (Word.DONE, Word.REPEAT):
                raise Refused(grant.id, not_granted(line.account, grant, word))
        if line.status is Status.SUSPENDED:
            await self._books.suspend(line.account)
        self.applied.opened += opened
        self.applied.there += not opened
        self.applied.granted += words.count(Word.DONE)
        self.applied.granted_before += words.count(Word.REPEAT)

    async def _check(self, line: Line, there: Terms) -> None:
        """Find what refuses a line for an account that is open."""
        if not same_terms(there, line.terms):
            terms = f"on plan {there.plan!r} in {there.zone} with a commitment of {text(there.commitment)}"
            raise Refused(line.account, f"it exists already, {terms}.")
        if not line.grants:
            return
        stored = await self._books.stored(line.account, line.grants)
        for grant in line.grants:
            if stored.get(grant.id, grant_text(grant)) != grant_text(grant):
                raise Refused(grant.id, not_granted(line.account, grant, Word.CONFLICT))
        fresh = [grant for grant in line.grants if grant.id not in stored]
        if late := _late(fresh, self._books.now()):
            raise late
        if fresh:
            number, amount = await self._books.room(line.account)
            if number < len(fresh) or amount < sum(grant.amount for grant in fresh):
                raise Refused(fresh[0].id, not_granted(line.account, fresh[0], Word.CAPPED))


def _late(grants: Sequence[Grant], now: int) -> Refused | None:
    for grant in grants:
        if grant.expires_at is not None and grant.expires_at <= now:
            return Refused(grant.id, "this grant would have expired already; give it a later end.")
    return None


def _much(line: Line) -> Refused | None:
    if line.terms.included + sum(grant.amount for grant in line.grants) <= LIMIT:
        return None
    return Refused(line.account, "it would hold more than an amount can be.")

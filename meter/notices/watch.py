"""Who finds out that somebody is to be told: one elected worker reads what is new in the books, beside the calls.

No call waits for it, and none does anything for it. It reads whose entries are new and asks each of those accounts once
how it stands; how far it has read is kept in the store, so that whoever leads next goes on from there.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from meter.ledger.names import is_account_id
from meter.ledger.noticing import Look, NoticeBooks, Pace, Tail, Telling
from meter.ledger.promise import Account, LedgerUnavailable, Status, Word
from meter.notices import events
from meter.notices.postman import Postman
from meter.notices.rules import INCLUDED, Level, Notice, Standing, What, notices, wants_top_up
from meter.policy.top_up import TopUp

LOOK_SECONDS = 2.0
TERM_SECONDS = 10
SHARDS_AT_ONCE = 64
ACCOUNTS_AT_ONCE = 16
AGAIN_SECONDS = 60
"""After which an account is looked at again that could not be looked at."""
BEGINNING = "0-0"

log = logging.getLogger(__name__)


class Levels(Protocol):
    """What fills up besides the included credits of an account; may raise ``LedgerUnavailable`` and nothing else."""

    async def of(self, account: Account) -> Sequence[Level]:
        """All that may concern an account."""
        ...

    async def shown(self, account: str, level: Level) -> str | None:
        """How one is called where it is told; None where it does not concern the account."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What came of looking at an account."""

    told: bool = False
    again: int = 0
    """The second at which it is to be looked at again, whether it changes or not; 0 for no such."""


class Watch:
    """One worker's watch; ``run`` is its owner task."""

    def __init__(
        self,
        books: NoticeBooks,
        *,
        top_up: Callable[[str], TopUp | None],
        postman: Postman | None = None,
        levels: Levels | None = None,
    ) -> None:
        """Take what it depends on.

        Args:
            books: the ledger.
            top_up: when the accounts of a plan ask for a purchase.
            postman: delivers letters; without one nothing is asked for, and what is told is an entry alone.
            levels: what else fills up in an account.
        """
        self._books = books
        self._top_up = top_up
        self._postman = postman
        self._levels = levels
        self._worker = secrets.token_hex(8)
        self._turns = asyncio.Semaphore(ACCOUNTS_AT_ONCE)

    async def run(self) -> None:
        """Look for as long as this worker is the one who does, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except LedgerUnavailable as error:
                log.debug("The books were not looked at for notices: %s", error)

    async def look(self) -> None:
        """Look at all that is new, as far as this worker leads.

        Raises:
            LedgerUnavailable: the store went away; whoever looks next goes on from here.
        """
        if not await self._leads():
            return
        found = await self._books.to_read()
        await self._books.keep({}, {account: one.again for account, one in (await self._see(found.accounts)).items()})
        unread = {shard: found.after.get(shard, BEGINNING) for shard in range(self._books.shards)}
        while unread:
            unread = await self._read(unread)
            if unread and not await self._leads():
                return

    async def _leads(self) -> bool:
        return await self._books.leads("notices", self._worker, seconds=TERM_SECONDS)

    async def _read(self, unread: Mapping[int, str]) -> dict[int, str]:
        """Read a page of each shard; those to go on with, for they have more, or a notice and its letter by now."""
        on: dict[int, str] = {}
        shards = tuple(unread)
        for first in range(0, len(shards), SHARDS_AT_ONCE):
            some = shards[first : first + SHARDS_AT_ONCE]
            tails = await asyncio.gather(*(self._books.tail(shard, unread[shard]) for shard in some))
            on |= await self._take_in(dict(zip(some, tails, strict=True)))
        return on

    async def _take_in(self, tails: Mapping[int, Tail]) -> dict[int, str]:
        seen = await self._see(account for tail in tails.values() for account in tail.accounts)
        read = {shard: tail.last for shard, tail in tails.items() if tail.last}
        if read:
            await self._books.keep(read, {account: one.again for account, one in seen.items() if one.again})
        for shard, tail in tails.items():
            if self._postman is not None:
                self._postman.take(shard, tail.letters)
        told = {account for account, one in seen.items() if one.told}
        return {shard: tail.last for shard, tail in tails.items() if tail.more or not told.isdisjoint(tail.accounts)}

    async def _see(self, accounts: Iterable[str]) -> dict[str, _Seen]:
        """Look at accounts, each once."""
        names = [account for account in accounts if is_account_id(account)]
        return dict(zip(names, await asyncio.gather(*map(self._see_one, names)), strict=True))

    async def _see_one(self, account: str) -> _Seen:
        """Look at one account. One that can't be read keeps nobody else from being told."""
        async with self._turns:
            try:
                return await self._tell(account)
            except LedgerUnavailable as error:
                log.warning("The account %s could not be looked at for notices: %s", account, error)
                return _Seen(again=self._books.now() + AGAIN_SECONDS)

    async def _tell(self, account: str) -> _Seen:
        """Tell what is to be told of an account; of a member, its payer is told."""
        look = await self._books.look(account)
        if look is None or look.account.terms.payer is not None:
            return _Seen()
        standing = standing_of(look, await self._levels.of(look.account) if self._levels else ())
        found = [await self._named(notice, account) for notice in notices(standing, look.told)]
        for notice in filter(None, found):
            await self._books.tell(self._telling(notice, standing), epoch=look.epoch)
        asked = await self._ask(look, standing)
        return replace(asked, told=asked.told or any(found))

    async def _named(self, notice: Notice, account: str) -> Notice | None:
        """A notice with its level as it is shown; None where that does not concern the account."""
        level = notice.level
        if level is None or level.name == INCLUDED or self._levels is None:
            return notice
        shown = await self._levels.shown(account, level)
        return replace(notice, level=replace(level, shown=shown)) if shown else None

    def _telling(self, notice: Notice, standing: Standing) -> Telling:
        return Telling(
            account=standing.account,
            op=events.label(standing.account, standing.epoch, notice.name),
            name=notice.name,
            what=notice.what,
            data=events.data(notice, standing),
            letter=self._postman is not None,
        )

    async def _ask(self, look: Look, standing: Standing) -> _Seen:
        """Ask for a purchase where that is wanted, and say when to see whether it came."""
        rule = self._top_up(standing.plan)
        if rule is None or self._postman is None or not wants_top_up(standing, rule):
            return _Seen()
        op = events.label(standing.account, What.TOP_UP, str(look.asked + 1))
        telling = Telling(
            account=standing.account,
            op=op,
            name=What.TOP_UP,
            what=What.TOP_UP,
            data=events.top_up_data(standing, below=rule.below, op=op),
            letter=True,
        )
        told = await self._books.ask_for_purchase(telling, asked=look.asked, pace=_pace(rule))
        if told.word is Word.CAPPED:
            return _Seen(again=told.until)
        return _Seen(told=True, again=look.now + rule.cool_off_seconds)


def standing_of(look: Look, levels: Sequence[Level]) -> Standing:
    """How an account stands, for the rules."""
    included = Level(name=INCLUDED, used=look.consumed, limit=look.included)
    return Standing(
        account=look.account.id,
        plan=look.account.terms.plan,
        period=look.account.period,
        epoch=look.epoch,
        active=look.status is Status.ACTIVE,
        granted=look.granted,
        remaining=look.remaining,
        reserved=look.reserved,
        levels=(included, *levels),
        now=look.now,
    )


def _pace(rule: TopUp) -> Pace:
    return Pace(cool_off_seconds=rule.cool_off_seconds, times=rule.at_most.times, seconds=rule.at_most.seconds)

"""Work behind the calls: leases are taken, renewed and returned, and what was served meanwhile is posted.

That of this process, and that of processes which died: whoever gets the lock of their journals finishes their work.
Each step may fail, for the store goes away, and is tried again in the next turn.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from meter.credits import ZERO
from meter.ledger import kept_files
from meter.ledger.leasing import LEASE_SECONDS, LeasingLedger
from meter.ledger.promise import LedgerUnavailable, Word
from meter.ledger.reserve.customers import Customer
from meter.ledger.reserve.fund import Fund, funds
from meter.ledger.reserve.journal import Journal, JournalFailed
from meter.ledger.reserve.lines import Ended, Line
from meter.ledger.reserve.posting import Tally, finish, finish_for_another, post, take
from meter.ledger.reserve.reserve import Reserve

TURN_SECONDS = 1.0
ADOPT_SECONDS = 5.0
"""How often it looks for journals whose process died."""
AT_ONCE = 16
LINES_MAX = 10_000
"""A journal of so many lines is begun anew as soon as none of them matters."""
CLOSE_SECONDS_MAX = 2.0
"""How long a process that stops waits for its leases to be returned."""

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Adopted:
    """The journal of a process that died, and what is left to do for it."""

    journal: Journal
    funds: list[Fund]
    tally: Tally = field(default_factory=Tally)


class Upkeep:
    """The background of one reserve. ``run`` is its owner task; ``close`` it when that has ended."""

    def __init__(self, ledger: LeasingLedger, reserve: Reserve, *, on_unpaid: Callable[[int], object]) -> None:
        """Take whom to tell, besides the log, how many calls were served that nobody pays for in full."""
        self._ledger = ledger
        self._reserve = reserve
        self._on_unpaid = on_unpaid
        self._adopted: list[Adopted] = []
        self._adopts_at = 0.0
        self.tally = Tally()
        """What became of all that was served, by processes that died too."""

    @property
    def trouble(self) -> str | None:
        """What is wrong with what was served, or would be; None where all is well."""
        if self.tally.lost:
            return (
                f"{self.tally.lost} calls that were served while the store was away could not be posted; "
                "see `meter ledger reapply`."
            )
        return self._reserve.trouble

    async def run(self) -> None:
        """Keep the reserve, until cancelled."""
        work = self._reserve.work
        while True:
            work.clear()
            try:
                await self.turn()
            except LedgerUnavailable as error:
                log.debug("The reserve waits for the store: %s", error)
                await asyncio.sleep(TURN_SECONDS)
            except JournalFailed as error:
                log.error("The reserve waits for its disk: %s", error)
                await asyncio.sleep(TURN_SECONDS)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TURN_SECONDS):
                        await work.wait()

    async def turn(self) -> None:
        """Do all that can be done now.

        In a cluster a node may be away while others answer: whatever can be done there is.

        Raises:
            LedgerUnavailable: the store is away, or a part of it.
            JournalFailed: the disk failed.
        """
        away: LedgerUnavailable | None = None
        for work in (self._post, self._adopt, self._finish_adopted, self._take, self._renew, self._return, self._tidy):
            try:
                await work()
            except LedgerUnavailable as error:
                away = error
        if away is not None:
            raise away

    async def close(self) -> None:
        """Return all leases, as far as that can be done now; the rest is adopted by another process."""
        reserve = self._reserve
        try:
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self._post()
                await _all(self._give_up(fund) for fund in list(reserve.funds.values()) if not fund.running)
        except (LedgerUnavailable, JournalFailed, TimeoutError) as error:
            log.warning("What was served while the store was away, or leased, is left to another worker: %s", error)
        await reserve.journal.close(done=not reserve.funds)
        for adopted in self._adopted:
            await adopted.journal.close(done=False)

    async def _post(self) -> None:
        """Post what was served by this process."""
        owing, tally = [fund for fund in self._reserve.funds.values() if fund.due], Tally()
        try:
            await _all(post(self._ledger, fund, tally) for fund in owing)
        finally:
            self._tell(tally, "were served while the store was away")

    async def _adopt(self) -> None:
        """Take over what processes left that died."""
        reserve = self._reserve
        if reserve.clock() < self._adopts_at:
            return
        self._adopts_at = reserve.clock() + ADOPT_SECONDS
        for found in await asyncio.to_thread(lambda: list(kept_files.adopt(reserve.folder))):
            journal = Journal(reserve.folder, adopted=found)
            left = funds(await asyncio.to_thread(journal.read))
            self._adopted.append(Adopted(journal, list(left.values())))

    async def _finish_adopted(self) -> None:
        for adopted in list(self._adopted):
            await _all(self._finish_for(adopted, fund) for fund in list(adopted.funds))
            await adopted.journal.close(done=True)
            self._adopted.remove(adopted)
            self._tell(adopted.tally, "a worker had served that died")

    async def _finish_for(self, adopted: Adopted, fund: Fund) -> None:
        await finish_for_another(self._ledger, adopted.journal, fund, adopted.tally)
        adopted.funds.remove(fund)

    async def _take(self) -> None:
        """Take leases for accounts that called."""
        await _all(self._take_for(customer) for customer in list(self._reserve.wanted))

    async def _take_for(self, customer: Customer) -> None:
        reserve = self._reserve
        if customer.lease is None:
            fund = reserve.new_lease(customer)
            await reserve.journal.add(fund.began)
            customer.lease = reserve.funds[fund.id] = fund
        lease, asked_at = customer.lease, reserve.clock()
        leased = await take(self._ledger, lease)
        reserve.wanted.discard(customer)
        if leased.word in (Word.DONE, Word.REPEAT):
            lease.most, customer.asked_at = leased.held, asked_at
            return
        log.debug("The account %s has no lease: %s.", customer.account, leased.word)
        await reserve.journal.add(Ended(fund=lease.id))
        customer.leaves = True
        self._forget(lease, customer)

    async def _renew(self) -> None:
        now = self._reserve.clock()
        await _all(self._renew_for(customer) for customer in self._customers() if customer.is_to_renew(now))

    async def _renew_for(self, customer: Customer) -> None:
        assert customer.lease is not None
        asked_at = self._reserve.clock()
        extended = await self._ledger.extend(
            customer.account, customer.lease.id, amount=ZERO, at_least=ZERO, seconds=LEASE_SECONDS
        )
        if extended.word in (Word.DONE, Word.SHORT):
            customer.asked_at = asked_at
            return
        log.error("The lease %s of %s is not open any more: %s.", customer.lease.id, customer.account, extended.word)
        customer.leaves = True

    async def _return(self) -> None:
        """Return leases that are not needed, or have been spent, and end the counts of calls that are charged late."""
        now = self._reserve.clock()
        await _all(self._return_lease(customer) for customer in self._customers() if customer.is_to_return(now))
        await _all(self._end_tab(customer) for customer in self._customers() if customer.tab and customer.tab.is_quiet)

    async def _return_lease(self, customer: Customer) -> None:
        assert customer.lease is not None
        await finish(self._ledger, self._reserve.journal, customer.lease, "it is not needed")
        self._forget(customer.lease, customer)

    async def _end_tab(self, customer: Customer) -> None:
        assert customer.tab is not None
        await finish(self._ledger, self._reserve.journal, customer.tab, "")
        self._reserve.funds.pop(customer.tab.id)
        customer.tab = None

    async def _give_up(self, fund: Fund) -> None:
        await finish_for_another(self._ledger, self._reserve.journal, fund, self.tally)
        self._reserve.funds.pop(fund.id)

    async def _tidy(self) -> None:
        reserve, now = self._reserve, self._reserve.clock()
        reserve.unposted = sum(len(fund.running) + len(fund.due) for fund in reserve.funds.values())
        for customer in self._customers():
            if customer.is_forgotten(now):
                del reserve.customers[customer.account]
        is_full = reserve.journal.tells_of_calls or reserve.journal.lines >= LINES_MAX
        if is_full and self._live() is not None:
            await reserve.journal.begin_anew(self._live)

    def _live(self) -> Sequence[Line] | None:
        """What a new journal has to say; None where calls are not posted yet."""
        funds = self._reserve.funds.values()
        if not all(fund.is_untouched and not fund.ended for fund in funds):
            return None
        return [fund.began for fund in funds]

    def _tell(self, tally: Tally, what: str) -> None:
        """Say what became of calls, and count them."""
        self.tally.add(tally)
        if tally.posted:
            log.warning("%d calls are posted that %s.", tally.posted, what)
        if tally.unpaid:
            self._on_unpaid(tally.unpaid)

    def _customers(self) -> list[Customer]:
        return list(self._reserve.customers.values())

    def _forget(self, lease: Fund, customer: Customer) -> None:
        self._reserve.funds.pop(lease.id)
        customer.returned(self._reserve.clock())


async def _all(work: Iterable[Awaitable[None]]) -> None:
    """Do all, so many at a time, until all of these fail; then the last failure is raised."""
    waiting, failed = iter(work), None
    while some := list(islice(waiting, AT_ONCE)):
        ends = await asyncio.gather(*some, return_exceptions=True)
        failures = [end for end in ends if isinstance(end, BaseException)]
        failed = failures[-1] if failures else failed
        if len(failures) == len(some):
            break
    if failed is not None:
        raise failed

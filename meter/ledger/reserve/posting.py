"""What was served while the store was away comes into its books: in order, each call once, whoever does it.

Everything may be tried again, by this process or by one that adopted its journal.
"""

import logging
from dataclasses import dataclass

from meter.credits import ZERO, Credits, from_micro, text
from meter.ledger.accounts import renewed
from meter.ledger.holding import Closed
from meter.ledger.ids import birth
from meter.ledger.leasing import LEASE_SECONDS, Leased, LeasingLedger, Posting
from meter.ledger.promise import LedgerUnavailable, Stale, Word
from meter.ledger.reserve.fund import Fund
from meter.ledger.reserve.journal import Journal
from meter.ledger.reserve.lines import Ended

TRIES = 3
"""How often a period may end while one call is charged late."""

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of what was served."""

    posted: int = 0
    short: int = 0
    """Calls that the account could not pay for any more, in whole or in part."""
    lost: int = 0
    """Calls whose lease is gone."""

    @property
    def unpaid(self) -> int:
        """Calls that were served and that nobody pays for in full."""
        return self.short + self.lost

    def add(self, other: "Tally") -> None:
        """Take in what became of more."""
        self.posted += other.posted
        self.short += other.short
        self.lost += other.lost


async def post(ledger: LeasingLedger, fund: Fund, tally: Tally) -> None:
    """Post all that is due.

    Raises:
        LedgerUnavailable: the store is away; what was posted by then is.
    """
    short, posts_again = ZERO, True
    while fund.due:
        posting = fund.due[0]
        answer = await (ledger.post(posting) if fund.is_lease else charged_late(ledger, posting, counted=True))
        if answer.word is Word.STALE and fund.posted and posts_again:
            log.error("The store has forgotten calls of %s that were posted; they are posted again.", fund.account)
            posts_again = False
            fund.post_again()
            continue
        if answer.word in (Word.DONE, Word.REPEAT):
            tally.posted += 1
        else:
            tally.lost += _is_lost(ledger, fund, posting, answer.word)
        if isinstance(answer, Closed) and answer.word is Word.DONE and answer.amount < posting.amount:
            tally.short += 1
            short = Credits(short + posting.amount - answer.amount)
        fund.post()
    if short:
        log.error("Calls of %s were served that it can't pay for: %s credits are missing.", fund.account, text(short))


async def finish(ledger: LeasingLedger, journal: Journal, fund: Fund, reason: str) -> None:
    """Return what is left, when all is posted.

    Raises:
        LedgerUnavailable: the store is away; to be done again.
        JournalFailed: the disk did not take that all is posted; to be done again.
    """
    if not fund.ended:
        fund.ended = True
        try:
            await journal.add(Ended(fund=fund.id))
        except BaseException:
            fund.ended = False
            raise
    if fund.is_lease:
        await ledger.release(fund.account, fund.id, reason=reason)
    elif fund.seq:
        await ledger.end_late(fund.account, fund.id)


async def finish_for_another(ledger: LeasingLedger, journal: Journal, fund: Fund, tally: Tally) -> None:
    """Do all that a process which died has left to do for one fund.

    Raises:
        LedgerUnavailable: the store is away; to be done again.
        JournalFailed: the disk did not take that all is posted; to be done again.
    """
    journal.note(*fund.close_running())
    if not fund.ended:
        if fund.is_lease and fund.is_untouched:
            # It may have died while it took the lease: taken in its name, it can be returned for good.
            await take(ledger, fund)
        await post(ledger, fund, tally)
    await finish(ledger, journal, fund, "its process is gone")


async def take(ledger: LeasingLedger, fund: Fund) -> Leased:
    """Take the lease of a fund, unless that was done before.

    Raises:
        LedgerUnavailable: the store is away, or did not answer; to be done again.
    """
    most, owner = from_micro(fund.began.most), fund.began.owner
    return await ledger.lease(fund.account, fund.id, most=most, owner=owner, seconds=LEASE_SECONDS)


async def charged_late(ledger: LeasingLedger, posting: Posting, *, counted: bool) -> Closed:
    """Charge a call afterwards, in the period that runs by now.

    Raises:
        LedgerUnavailable: the store is away; to be done again.
    """
    for _ in range(TRIES):
        closed = await ledger.charge_late(posting, counted=counted)
        if not isinstance(closed, Stale):
            return closed
        await renewed(ledger, closed.account, closed.now)
    raise LedgerUnavailable(f"The period of {posting.account} ended {TRIES} times; try again.", fate_unknown=False)


def _is_lost(ledger: LeasingLedger, fund: Fund, posting: Posting, word: Word) -> bool:
    """Say why a call is not posted: its lease was charged in its place, or the store does not know it."""
    if fund.is_lease and word is Word.GONE and birth(fund.id) + LEASE_SECONDS <= ledger.now():
        log.warning(
            "The call %s of %s is paid for by its lease, which was charged when it had been abandoned for an hour.",
            posting.op,
            fund.account,
        )
        return False
    log.error(
        "The call %s of %s, at %s credits, could not be posted (%s): the store has lost what it was served from. "
        "See `meter ledger reapply`.",
        posting.op,
        fund.account,
        text(posting.amount),
        word,
    )
    return True

"""What one process serves from while the store is away: leases that it took before, or calls that it charges late.

A call looks at what is at hand and waits for one fsync; everything else is the work of ``upkeep.py``. What is promised
is in ``docs/outages.md``.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from meter.credits import Credits, from_micro
from meter.ledger.ids import operation_id
from meter.ledger.promise import Balance, Capped, ChargeOutcome, Done, Order, Refused, Short, Word
from meter.ledger.reserve.customers import CUSTOMERS_MAX, Customer
from meter.ledger.reserve.fund import Fund
from meter.ledger.reserve.journal import Journal, JournalFailed
from meter.ledger.reserve.lines import Began, Debit
from meter.policy.model import Outage, OutageKind

UNPOSTED_MAX = 10_000
"""So many calls at most are served and not posted yet."""

log = logging.getLogger(__name__)


class Spending:
    """One call that is served while the store is away; it is closed once."""

    def __init__(self, reserve: "Reserve", customer: Customer, fund: Fund, debit: Debit, most: Credits) -> None:
        self._reserve = reserve
        self._customer = customer
        self._fund = fund
        self._debit = debit
        self._most = most

    @property
    def balance(self) -> Balance:
        """What can still be spent until the store is back; the rest of it as it was before."""
        known, now = self._customer.balance, self._reserve.now()
        reset_at = known.reset_at if known.reset_at is None or known.reset_at > now else None
        left = from_micro(min(self._fund.left, max(0, self._most - self._fund.spent)))
        return Balance(remaining=left, granted=known.granted, reset_at=reset_at)

    async def close(self, amount: Credits, quote: str) -> None:
        """End the call at what it costs; that is on disk if it is another price than a dead worker's call has."""
        close = self._fund.close(self._debit.op, amount, quote)
        journal = self._reserve.journal
        journal.note(close)
        self._reserve.work.set()
        if close.amount == self._debit.amount:
            return
        try:
            await journal.add()
        except JournalFailed as error:
            log.error("%s is charged in full if this worker dies now: %s", self._debit.op, error)


class Reserve:
    """The reserve of one process. ``Upkeep`` keeps it filled, and posts what was served from it."""

    def __init__(self, folder: Path, *, now: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        """Begin a journal in a folder that survives this process.

        Args:
            folder: where the journals of all processes are.
            now: gives the store's second, as far as it is known.
            clock: gives seconds that nobody sets.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.journal = Journal(folder)
        self.owner = self.journal.name
        self.now = now
        self.clock = clock
        self.customers: dict[str, Customer] = {}
        self.wanted: set[Customer] = set()
        """Those for whom a lease is to be taken."""
        self.funds: dict[str, Fund] = {}
        self.unposted = 0
        """How many calls were served and are not posted yet."""
        self.work = asyncio.Event()
        """Something is to be done in the background."""

    @property
    def trouble(self) -> str | None:
        """Why no call is served while the store is away; None where all is well."""
        if self.unposted >= UNPOSTED_MAX:
            return f"{self.unposted} calls that were served while the store was away are to be posted; bring it back."
        return self.journal.trouble

    @property
    def serves(self) -> bool:
        """Whether any call could be served if the store were away now."""
        now = self.clock()
        return self.trouble is None and any(customer.can_be_served(now) for customer in self.customers.values())

    @property
    def leases(self) -> int:
        """How many leases this process has."""
        return sum(fund.is_lease for fund in self.funds.values())

    def renounce(self) -> None:
        """Return every lease: the store may have lost them."""
        for customer in self.customers.values():
            self._leave(customer)

    def answered(self, order: Order, outcome: ChargeOutcome, outage: Outage) -> None:
        """Note what the ledger said to a call that may be served while it is away."""
        customer = self.customers.get(order.account.id)
        match outcome:
            case Done(balance=balance):
                self._called(customer, order, balance, outage)
            case Short() if customer:
                self._leave(customer)
            case Capped() | Refused(word=Word.UNKNOWN) if customer:
                customer.keys.discard(order.key_hash)
            case Refused(word=Word.SUSPENDED) if customer:
                customer.keys.clear()
                self._leave(customer)

    async def spend(self, order: Order, outage: Outage, *, killed: Credits, quote: str) -> Spending | None:
        """Serve a call while the store is away; None where nothing is at hand for it.

        Args:
            order: the call, at its full price, with an id of its own.
            outage: what its policy says.
            killed: what it costs if this process dies before it has ended.
            quote: how that came about.
        """
        fund = self._fund(order, outage)
        if fund is None or self.trouble is not None or not fund.covers(order.amount, outage.credits):
            return None
        debit = fund.open(
            Debit(fund=fund.id, op=order.op, operation=order.operation, price=order.amount, amount=killed, quote=quote)
        )
        self.unposted += 1
        try:
            await self.journal.add(debit)
        except BaseException as error:
            self.journal.note(fund.close(order.op, Credits(0), quote))
            if not isinstance(error, JournalFailed):
                raise
            log.error("A call of %s is refused, for it can't be written down: %s", order.account.id, error)
            return None
        return Spending(self, self.customers[order.account.id], fund, debit, outage.credits)

    def _called(self, customer: Customer | None, order: Order, balance: Balance, outage: Outage) -> None:
        now = self.clock()
        if customer is None:
            if len(self.customers) >= CUSTOMERS_MAX:
                return
            customer = Customer(account=order.account.id, outage=outage, balance=balance, called_at=now)
            self.customers[order.account.id] = customer
        customer.called(order, balance, outage, now)
        if outage.kind is OutageKind.ALLOWANCE and customer.wants_lease(now) and customer not in self.wanted:
            self.wanted.add(customer)
            self.work.set()

    def _leave(self, customer: Customer) -> None:
        """Give the account its lease back, for it has nothing else left."""
        if customer.lease is not None:
            customer.leaves = True
            self.work.set()

    def _fund(self, order: Order, outage: Outage) -> Fund | None:
        """What a call may be served from."""
        customer = self.customers.get(order.account.id)
        if customer is None or order.key_hash not in customer.keys:
            return None
        if order.member is not None and order.key_hash is None:
            return None  # nobody knows whether the member may still call
        match outage.kind:
            case OutageKind.ALLOWANCE:
                return customer.lease_at(self.clock())
            case OutageKind.SERVE:
                return customer.tab or self._tab(customer, outage)
            case OutageKind.REFUSE:
                return None

    def _tab(self, customer: Customer, outage: Outage) -> Fund:
        """Begin to count calls that are charged late."""
        began = Began(fund=secrets.token_hex(8), account=customer.account, owner="", most=outage.credits)
        self.journal.note(began)
        customer.tab = self.funds[began.fund] = Fund(began)
        return customer.tab

    def new_lease(self, customer: Customer) -> Fund:
        """Make the fund of a lease that is to be taken."""
        lease = operation_id(self.now())
        return Fund(Began(fund=lease, account=customer.account, owner=self.owner, most=customer.outage.credits))

"""Where charges are opened, for one worker, and where those that are open live on."""

import asyncio
import logging
from dataclasses import dataclass, replace

from meter.credits import ZERO
from meter.ledger.accounts import Accounts, Caller, Opening
from meter.ledger.holding import RENEW_SECONDS, HoldingLedger, HoldTerms, OnExpiry
from meter.ledger.ids import operation_id
from meter.ledger.promise import (
    Account,
    ChargeOutcome,
    Done,
    LedgerUnavailable,
    Order,
    Refused,
    Stale,
    Statement,
    Word,
)
from meter.ledger.reserve.reserve import Reserve
from meter.ledger.undo import Undo, UndoKind, UndoList
from meter.policy.ends import End
from meter.policy.model import OutageKind, PeriodUnit
from meter.pricing.plan_terms import Plans
from meter.pricing.quote import Pricer
from meter.pricing.terms import Period, Terms
from meter.till.bill import Bill
from meter.till.bookings import Booking, Observed, Spent, Taken
from meter.till.charge import Charge, Payer
from meter.till.delivery import Delivery
from meter.till.held import Held
from meter.till.sale import Dear, NotInPlan, Sale, Verdict

log = logging.getLogger("meter")

TRIES = 6
"""How often new terms, or a new period, may come back before a call is answered 503."""

RENEWED_AT_ONCE = 256

NOBODY = Account(
    id="",
    terms=Terms(plan="", included=ZERO, period=PeriodUnit.NONE),
    revision=0,
    period=Period(start=0, end=None),
)
"""The account of a call that is observed, where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A call, priced for what is known of its account."""

    account: Account
    bill: Bill
    order: Order


class Till:
    """Opens the charges of one worker; ``run`` is its owner task, which lets open holds live on."""

    def __init__(
        self,
        ledger: HoldingLedger,
        undo: UndoList,
        *,
        opening: Opening | None = None,
        reserve: Reserve | None = None,
        plans: Plans | None = None,
    ) -> None:
        """Take the books; and what calls may be served from while they can't be reached, where there is any."""
        self._ledger = ledger
        self._reserve = reserve
        self._delivery = Delivery(undo)
        self._accounts = Accounts(ledger, opening=opening, plans=plans)
        self._open: set[Charge] = set()

    async def open(self, caller: Caller, sale: Sale, pricer: Pricer) -> Charge | Verdict:
        """Charge a call before it is served, or set its credits aside.

        Raises:
            LedgerUnavailable: the books could not be reached in time; nothing stays taken.
        """
        if self._delivery.trouble is not None:
            raise LedgerUnavailable(self._delivery.trouble, fate_unknown=False)
        return await self._opened(caller, sale, pricer)

    async def observe(self, caller: Caller | None, sale: Sale, pricer: Pricer) -> Charge:
        """Price a call that nobody pays, and write it down if that is possible; whatever fails, the call goes on."""
        try:
            opened = await self._opened(caller, sale, pricer) if caller else None
        except LedgerUnavailable as error:
            log.warning("A call of %s was observed but not written down: %s", sale.operation.name, error)
            opened = None
        return opened if isinstance(opened, Charge) else self._unwritten(sale, pricer)

    async def account(self, caller: Caller) -> Account | None:
        """What is known of the account that pays for a caller; None for a caller that nobody knows."""
        return self._accounts.remembered(caller) or await self._accounts.asked(caller)

    async def name(self, caller: Caller) -> str | None:
        """The caller's own account, by its id: a member's, and not its payer's."""
        account = await self.account(caller)
        member = None if account is None else self._accounts.member(caller, account)
        return (member or account).id if account else None

    async def statement(self, caller: Caller) -> Statement | None:
        """The caller's account as it stands, its period renewed if it was over."""
        return await self._accounts.statement(caller)

    @property
    def holding(self) -> int:
        """How many calls have credits set aside."""
        return len(self._open)

    async def run(self) -> None:
        """Renew the holds of calls that go on, until cancelled."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self.renew()

    async def renew(self) -> None:
        """Renew every open hold once."""
        charges = list(self._open)
        for first in range(0, len(charges), RENEWED_AT_ONCE):
            await asyncio.gather(*(charge.renew() for charge in charges[first : first + RENEWED_AT_ONCE]))

    async def _opened(self, caller: Caller, sale: Sale, pricer: Pricer) -> Charge | Verdict:
        op = sale.op or operation_id(self._ledger.now())
        remembered = self._accounts.remembered(caller)
        account = remembered or await self._accounts.asked(caller)
        for _ in range(TRIES):
            if account is None:
                return Refused(word=Word.UNKNOWN)
            member = self._accounts.member(caller, account)
            attempt: Charge | Stale | Verdict = NotInPlan(operation=sale.operation.name, plan=account.terms.plan)
            if sale.allowed(account.terms):
                priced = _priced(op, account, caller, sale, pricer, member=member)
                attempt = await self._attempt(priced, claimed=sale.op is not None)
            if isinstance(attempt, Charge):
                return attempt
            if isinstance(attempt, Stale):
                account = await self._accounts.fresh(attempt)
            elif account is remembered and _blames_the_account(attempt):
                account = await self._accounts.asked(caller)
            else:
                return attempt
        raise LedgerUnavailable(
            f"The terms of an account changed {TRIES} times while one call was priced; try again.",
            fate_unknown=False,
        )

    async def _attempt(self, priced: Priced, *, claimed: bool) -> Charge | Stale | Verdict:
        """Charge a call, or hold for it, at the price that it has for what is known of the account.

        Args:
            priced: the call.
            claimed: whether it may come again under its id: then it is charged under that one or not at all.
        """
        bill, order = priced.bill, priced.order
        if bill.cap is not None and bill.quote.credits > bill.cap:
            return Dear(price=bill.quote.credits, at_most=bill.cap)
        if order.observe and bill.metered:
            return self._charge(priced, Observed(order, self._ledger))
        try:
            outcome = await self._booked(order, bill)
        except LedgerUnavailable:
            spent = None if claimed else await self._spent(priced)
            if spent is None:
                raise
            return spent
        if self._reserve is not None and bill.operation.outage.kind is not OutageKind.REFUSE and not order.observe:
            self._reserve.answered(order, outcome, bill.operation.outage)
        if not isinstance(outcome, Done):
            return outcome
        return self._charge(priced, self._booking(priced, outcome), now=outcome.now)

    async def _booked(self, order: Order, bill: Bill) -> ChargeOutcome:
        """Write a call into the books, and see to it that one of unknown fate is undone before anybody hears of it."""
        try:
            if order.observe or not bill.holds:
                return await self._ledger.charge(order)
            return await self._ledger.hold(order, _terms(bill))
        except asyncio.CancelledError:
            await asyncio.shield(self._void_later(order))
            raise
        except LedgerUnavailable as error:
            if error.fate_unknown:
                await self._void_later(order)
            raise

    async def _spent(self, priced: Priced) -> Charge | None:
        """Serve a call while the books can't be reached, if its policy says so and something is set aside for it.

        It has another id from now on: what may have been done under the first one is undone.
        """
        bill = priced.bill
        if self._reserve is None or bill.metered or bill.operation.observe:
            return None
        order, killed = replace(priced.order, op=operation_id(self._ledger.now())), bill.final(End.KILLED)
        spending = await self._reserve.spend(order, bill.operation.outage, killed=killed.credits, quote=killed.record)
        if spending is None:
            return None
        return self._charge(replace(priced, order=order), Spent(order, spending), now=self._ledger.now())

    def _booking(self, priced: Priced, done: Done) -> Booking:
        bill, order, ledger, delivery = priced.bill, priced.order, self._ledger, self._delivery
        if order.observe:
            return Observed(None, ledger, balance=done.balance)
        if bill.holds:
            return Held(order, bill, done.balance, ledger, delivery)
        return Taken(order, done.balance, ledger, delivery)

    def _charge(self, priced: Priced, booking: Booking, *, now: int | None = None) -> Charge:
        account = priced.account
        payer = Payer(
            op=priced.order.op,
            account=account.id,
            plan=account.terms.plan,
            now=self._ledger.now() if now is None else now,
            booked=now is not None,
        )
        charge = Charge(payer, priced.bill, booking, self._open.discard)
        if isinstance(booking, Held):
            self._open.add(charge)
        return charge

    def _unwritten(self, sale: Sale, pricer: Pricer) -> Charge:
        priced = _priced(operation_id(self._ledger.now()), NOBODY, Caller(), sale, pricer)
        return self._charge(priced, Observed(None, self._ledger))

    async def _void_later(self, order: Order) -> None:
        """What was observed took nothing, and its entry tells the truth: the call is served."""
        if not order.observe:
            undo = Undo(kind=UndoKind.VOID, account=order.account.id, op=order.op, reason="fate unknown")
            await self._delivery.undo_later(undo)


def _blames_the_account(verdict: Verdict) -> bool:
    """Whether what was remembered of the account may be the reason: its terms decided, or it was not found."""
    return isinstance(verdict, Dear | NotInPlan) or verdict == Refused(word=Word.UNKNOWN)


def _priced(
    op: str, account: Account, caller: Caller, sale: Sale, pricer: Pricer, *, member: Account | None = None
) -> Priced:
    conditions = sale.conditions(account.terms)
    operation = pricer.operation(sale.operation, conditions)
    quote = pricer.price(operation, conditions, sale.usage)
    bill = Bill(
        operation, conditions, quote, sale.usage, sale.at_most, long=sale.long or account.terms.concurrent is not None
    )
    if sale.preview:
        bill.coming = pricer.coming(sale.operation, conditions, sale.usage)
    order = Order(
        op=op,
        account=account,
        amount=bill.first_hold,
        operation=quote.operation,
        quote=quote.record,
        key_hash=caller.key_hash,
        observe=sale.operation.observe,
        member=member,
    )
    return Priced(account=account, bill=bill, order=order)


def _terms(bill: Bill) -> HoldTerms:
    """What becomes of a call's hold if its worker dies: as the table of outcomes says of that."""
    least = bill.least
    return HoldTerms(on_expiry=OnExpiry.CHARGE if least else OnExpiry.RELEASE, at_least=least)

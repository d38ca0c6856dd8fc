"""One call's charge: open it, close it.

The till knows prices, terms and the ledger, and nothing of HTTP. What it raises is ``LedgerUnavailable`` alone, and
by then whatever the ledger may have done to the call's operation is on the list of things to undo.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from meter.credits import ZERO, Credits
from meter.ledger.accounts import Accounts, Caller, Opening, statement, terms_of
from meter.ledger.ids import operation_id
from meter.ledger.promise import (
    Account,
    Balance,
    ChargeOutcome,
    Done,
    Ledger,
    LedgerUnavailable,
    Order,
    Refused,
    Short,
    Stale,
    Statement,
    Undone,
    Word,
)
from meter.ledger.undo import Undo, UndoKind, UndoList, UndoNotKept
from meter.policy.model import End, Operation, PeriodUnit, Share
from meter.pricing.quote import Conditions, LoadReading, Pricer, Quote
from meter.pricing.terms import Period, Terms

__all__ = ["Caller", "Charge", "ChargeClosed", "Dear", "Opening", "Sale", "Till", "statement", "terms_of"]

log = logging.getLogger("meter")

TRIES = 6
"""How often new terms, or a new period, may come back before a call is answered 503."""


class ChargeClosed(Exception):
    """A call is to be waived whose caller was told the price already; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A call that wants to be charged."""

    operation: Operation
    usage: Mapping[str, Fraction | None]
    moment: datetime
    load: LoadReading
    drill: bool = False
    at_most: Credits | None = None
    """What the caller is willing to pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dear:
    """The call costs more than its caller is willing to pay; nothing was taken."""

    price: Credits
    at_most: Credits


Verdict = Short | Dear | Refused
"""Why a call is not charged; nothing was taken."""

NOBODY = Account(
    id="",
    terms=Terms(plan="", included=ZERO, period=PeriodUnit.NONE),
    revision=0,
    period=Period(start=0, end=None),
)
"""The account of a call that is observed, where it is not known."""

_UNWRITTEN = Done(op="", balance=Balance(remaining=ZERO, granted=ZERO, reset_at=None), now=0)


class Charge:
    """One call's charge, opened; ``close`` says how the call ended, once."""

    __slots__ = ("_done", "_order", "_till", "_waived", "balance", "closed", "consumed", "operation", "quote")

    def __init__(self, till: "Till", order: Order, operation: Operation, quote: Quote, done: Done) -> None:
        self._till = till
        self._order = order
        self._done = done
        self._waived: str | None = None
        self.closed = False
        """Whether it is settled how the call ended."""
        self.operation = operation
        self.quote = quote
        self.balance = done.balance
        """The account's figures when its books were last changed by this call."""
        self.consumed: Credits = quote.credits
        """What the call costs, as far as it is known by now."""

    @property
    def op(self) -> str:
        """The operation id, under which the books know this call."""
        return self._order.op

    @property
    def account(self) -> str:
        """The account that pays; empty where a call is observed and its caller is not known."""
        return self._order.account.id

    @property
    def plan(self) -> str:
        """The plan of the account that pays."""
        return self._order.account.terms.plan

    @property
    def remaining(self) -> Credits:
        """What this operation could still draw."""
        return self.balance.remaining

    @property
    def now(self) -> int:
        """The store's Unix second at which the charge was opened."""
        return self._done.now

    @property
    def booked(self) -> bool:
        """Whether the books know this call; a call that is observed is served all the same."""
        return self._done is not _UNWRITTEN

    def waive(self, reason: str) -> None:
        """Let the call cost nothing, for a reason that the books will keep.

        Raises:
            ChargeClosed: the answer has begun, so its caller knows the price.
        """
        if self.closed:
            raise ChargeClosed(f"The call {self.op} has been answered, so it can't be waived; waive it before.")
        self._waived = reason

    async def close(self, end: End) -> None:
        """Settle by how the call ended: keep the price, or give it back. Once: what comes later changes nothing."""
        if self.closed:
            return
        self.closed = True
        if self._waived is not None:
            await self._give_back(self._waived)
        elif self.operation.charge[end] is Share.NONE:
            await self._give_back(f"ended {end}")

    async def _give_back(self, reason: str) -> None:
        self.consumed = ZERO
        undone = await self._till.give_back(self._order, reason)
        self.balance = undone.balance or self.balance
        if undone.word not in (Word.DONE, Word.REPEAT):
            self.consumed = self.quote.credits
            log.error("%s of account %s was not given back: %s.", self.op, self.account, undone.word)


class Till:
    """Opens and closes the charges of one worker."""

    def __init__(self, ledger: Ledger, undo: UndoList, *, opening: Opening | None = None) -> None:
        self._ledger = ledger
        self._undo = undo
        self._accounts = Accounts(ledger, opening=opening)

    async def open(self, caller: Caller, sale: Sale, pricer: Pricer) -> Charge | Verdict:
        """Charge a call before it is served.

        Raises:
            LedgerUnavailable: the books could not be reached in time; nothing stays taken.
        """
        if self._undo.trouble is not None:
            raise LedgerUnavailable(self._undo.trouble, fate_unknown=False)
        return await self._opened(caller, sale, pricer)

    async def observe(self, caller: Caller | None, sale: Sale, pricer: Pricer) -> Charge:
        """Price a call that nobody pays, and write it down if that is possible; whatever fails, the call goes on."""
        try:
            opened = await self._opened(caller, sale, pricer) if caller else None
        except LedgerUnavailable as error:
            log.warning("A call of %s was observed but not written down: %s", sale.operation.name, error)
            opened = None
        return opened if isinstance(opened, Charge) else self._unwritten(sale, pricer)

    async def give_back(self, order: Order, reason: str) -> Undone:
        """Refund a call that ends at no price; what can't be delivered now is delivered later."""
        if order.observe:
            return Undone(word=Word.DONE)
        later = Undo(kind=UndoKind.REFUND, account=order.account.id, op=order.op, reason=reason)
        try:
            return await self._ledger.refund(order.account.id, order.op, reason=reason)
        except asyncio.CancelledError:
            await asyncio.shield(self._undo_later(later))
            raise
        except LedgerUnavailable as error:
            log.warning("A refund of operation %s waits for the store: %s", order.op, error)
            await self._undo_later(later)
            return Undone(word=Word.DONE)

    async def statement(self, caller: Caller) -> Statement | None:
        """The caller's account as it stands, its period renewed if it was over."""
        return await self._accounts.statement(caller)

    async def _opened(self, caller: Caller, sale: Sale, pricer: Pricer) -> Charge | Verdict:
        op = operation_id(self._ledger.now())
        remembered = self._accounts.remembered(caller)
        account = remembered or await self._accounts.asked(caller)
        for _ in range(TRIES):
            if account is None:
                return Refused(word=Word.UNKNOWN)
            attempt = await self._attempt(op, account, caller, sale, pricer)
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

    async def _attempt(
        self, op: str, account: Account, caller: Caller, sale: Sale, pricer: Pricer
    ) -> Charge | Stale | Verdict:
        """Price a call for what is known of the account, and charge it."""
        quote = _quote(sale, pricer, account.terms)
        if sale.at_most is not None and quote.credits > sale.at_most:
            return Dear(price=quote.credits, at_most=sale.at_most)
        order = _order(op, account, caller, sale, quote)
        outcome = await self._charge(order)
        if isinstance(outcome, Done):
            return Charge(self, order, sale.operation, quote, outcome)
        return outcome

    def _unwritten(self, sale: Sale, pricer: Pricer) -> Charge:
        quote = _quote(sale, pricer, NOBODY.terms)
        order = _order(operation_id(self._ledger.now()), NOBODY, Caller(), sale, quote)
        return Charge(self, order, sale.operation, quote, _UNWRITTEN)

    async def _charge(self, order: Order) -> ChargeOutcome:
        """Charge, and see to it that an operation of unknown fate is undone before anybody hears of it."""
        try:
            return await self._ledger.charge(order)
        except asyncio.CancelledError:
            await asyncio.shield(self._void_later(order))
            raise
        except LedgerUnavailable as error:
            if error.fate_unknown:
                await self._void_later(order)
            raise

    async def _void_later(self, order: Order) -> None:
        """What was observed took nothing, and its entry tells the truth: the call is served."""
        if not order.observe:
            await self._undo_later(
                Undo(kind=UndoKind.VOID, account=order.account.id, op=order.op, reason="fate unknown")
            )

    async def _undo_later(self, undo: Undo) -> None:
        try:
            await self._undo.add(undo)
        except UndoNotKept as error:
            log.error("An undo may be lost if this worker dies: %s", error)


def _blames_the_account(verdict: Verdict) -> bool:
    """Whether what was remembered of the account may be the reason: its terms decided, or it was not found."""
    return isinstance(verdict, Dear) or verdict == Refused(word=Word.UNKNOWN)


def _quote(sale: Sale, pricer: Pricer, terms: Terms) -> Quote:
    conditions = Conditions(moment=sale.moment, load=sale.load, commitment=terms.commitment, drill=sale.drill)
    return pricer.price(sale.operation, conditions, sale.usage)


def _order(op: str, account: Account, caller: Caller, sale: Sale, quote: Quote) -> Order:
    return Order(
        op=op,
        account=account,
        amount=quote.credits,
        operation=quote.operation,
        quote=quote.record,
        key_hash=caller.key_hash,
        observe=sale.operation.observe,
    )

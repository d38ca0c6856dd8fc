"""How one call stands in the books, and is closed there: taken at once, spent in an outage, or only observed.

``held`` has the fourth way.
"""

import logging
from dataclasses import replace
from typing import Protocol

from meter.credits import ZERO, Credits
from meter.ledger.holding import HoldingLedger
from meter.ledger.promise import Balance, LedgerUnavailable, Order, Word
from meter.ledger.reserve.reserve import Spending
from meter.ledger.undo import Undo, UndoKind
from meter.pricing.final import Final
from meter.till.delivery import Delivery

log = logging.getLogger("meter")

NOTHING = Balance(remaining=ZERO, granted=ZERO, reset_at=None)


class Booking(Protocol):
    """One call's place in the books; it is closed once."""

    balance: Balance
    """The account's figures when its books were last changed by this call."""

    async def close(self, final: Final, reason: str) -> Credits:
        """Charge the final price, and no more; what was charged in the end.

        What fails is delivered later, so that nothing is raised but the cancellation of whoever waits.
        """
        ...


class Taken:
    """The price is taken already; what the call does not cost in the end is given back."""

    def __init__(self, order: Order, balance: Balance, ledger: HoldingLedger, delivery: Delivery) -> None:
        self._order = order
        self.balance = balance
        self._ledger = ledger
        self._delivery = delivery

    async def close(self, final: Final, reason: str) -> Credits:
        """Give back what is above the final price."""
        account, op, keep = self._order.account.id, self._order.op, min(final.credits, self._order.amount)
        if keep == self._order.amount:
            return keep
        later = Undo(kind=UndoKind.REFUND, account=account, op=op, reason=reason, keep=keep)
        undone = await self._delivery.done(self._ledger.refund(account, op, reason=reason, keep=keep), later)
        if undone is None:
            return keep
        self.balance = undone.balance or self.balance
        if undone.word in (Word.DONE, Word.REPEAT):
            return keep
        log.error("%s of account %s was not given back: %s.", op, account, undone.word)
        return self._order.amount


class Spent:
    """The price is taken from what was set aside for outages; the books hear of it when they are back."""

    def __init__(self, order: Order, spending: Spending) -> None:
        self._order = order
        self._spending = spending
        self.balance = spending.balance

    async def close(self, final: Final, reason: str) -> Credits:
        """Put back what is above the final price."""
        log.debug("%s was served while the store was away: %s.", self._order.op, reason)
        amount = min(final.credits, self._order.amount)
        await self._spending.close(amount, final.record)
        self.balance = self._spending.balance
        return amount


class Observed:
    """Nothing is taken; a price that is known only in the end is written down then."""

    def __init__(self, order: Order | None, ledger: HoldingLedger, *, balance: Balance = NOTHING) -> None:
        """Take what is still to be written down; None where it is already, or can't be."""
        self._order = order
        self._ledger = ledger
        self.balance = balance

    async def close(self, final: Final, reason: str) -> Credits:
        """Write the price down, unless it was; whatever fails changes nothing for anybody."""
        if self._order is None:
            return final.credits
        log.debug("%s is written down: %s.", self._order.op, reason)
        order = replace(self._order, amount=final.credits, quote=final.record)
        try:
            await self._ledger.charge(order)
        except LedgerUnavailable as error:
            log.warning("A call of %s was observed but not written down: %s", order.operation, error)
        return final.credits

"""A call whose credits are set aside: its hold grows as it is used, lives on while it runs, and is closed once."""

import asyncio
import time
from fractions import Fraction

from meter.credits import Credits
from meter.ledger.holding import HOLD_SECONDS, Closed, HoldingLedger
from meter.ledger.promise import Balance, LedgerUnavailable, Order, Word
from meter.ledger.undo import Undo, UndoKind
from meter.policy.model import Above
from meter.pricing.final import Final
from meter.till.bill import Bill
from meter.till.delivery import Delivery

REST_SECONDS = 1.0
"""How long a hold does not ask to grow when the store did not answer it."""


class Held:
    """One open hold."""

    def __init__(self, order: Order, bill: Bill, balance: Balance, ledger: HoldingLedger, delivery: Delivery) -> None:
        self._order = order
        self._bill = bill
        self._price = bill.operation.price
        self._ceiling = bill.quote.credits
        self._ledger = ledger
        self._delivery = delivery
        self._growth: asyncio.Task[None] | None = None
        self._stuck = order.amount >= self._ceiling
        self._rests_until = 0.0
        self.balance = balance
        self.held: Credits = order.amount
        """What is set aside by now."""

    async def covers(self, due: Fraction) -> bool:
        """Whether so much is set aside, or may be in a moment; False ends a stream.

        The hold grows in the background from half of its last step on; a call waits for that only when it must.
        """
        if due > self._comfortable:
            self._grow(due)
        while due > self.held and self._growth is not None and self._price.above is Above.CUT:
            await asyncio.wait([self._growth])
            self._grow(due)
        return due <= self.held or self._price.above is not Above.CUT

    async def renew(self) -> None:
        """Let the hold live on; a store that does not answer is asked again in time."""
        try:
            await self._extended(self.held)
        except LedgerUnavailable:
            return

    async def close(self, final: Final, reason: str) -> Credits:
        """Charge the final price, and give the rest back to where it came from."""
        await self._grown()
        account, op = self._order.account.id, self._order.op
        overrun = self._price.above is Above.OVERRUN
        if final.credits:
            step = self._ledger.settle(account, op, price=final.credits, quote=final.record, overrun=overrun)
            kind = UndoKind.SETTLE
        else:
            step, kind = self._ledger.release(account, op, reason=reason), UndoKind.RELEASE
        later = Undo(
            kind=kind, account=account, op=op, reason=reason, price=final.credits, quote=final.record, overrun=overrun
        )
        return self._told(await self._delivery.done(step, later), final)

    def _told(self, closed: Closed | None, final: Final) -> Credits:
        """What was charged; as it should be, where the books could not be asked or have forgotten the hold."""
        if closed is None or closed.balance is None:
            return final.credits if self._price.above is Above.OVERRUN else min(final.credits, self.held)
        self.balance = closed.balance
        return closed.amount

    @property
    def _comfortable(self) -> Fraction:
        return Fraction(self.held) if self._stuck else self.held - Fraction(self._price.step or 0) * Fraction(1, 2)

    def _grow(self, due: Fraction) -> None:
        """Begin to hold one step more than is held or due."""
        if self._stuck or self._growth is not None or self._price.step is None or time.monotonic() < self._rests_until:
            return
        missing = max(Fraction(0), due - self.held)
        steps = 1 - int(-missing // self._price.step)
        wanted = min(self._ceiling, Credits(self.held + steps * self._price.step))
        self._growth = asyncio.create_task(self._grow_to(wanted))

    async def _grow_to(self, wanted: Credits) -> None:
        try:
            await self._extended(wanted)
            self._stuck = self.held < wanted or self.held >= self._ceiling
        except LedgerUnavailable:
            self._rests_until = time.monotonic() + REST_SECONDS
        finally:
            self._growth = None

    async def _extended(self, amount: Credits) -> None:
        extended = await self._ledger.extend(
            self._order.account.id, self._order.op, amount=amount, at_least=self._bill.least, seconds=HOLD_SECONDS
        )
        if extended.word in (Word.DONE, Word.SHORT):
            self.held = max(self.held, extended.held)

    async def _grown(self) -> None:
        """Wait for a growth that is under way, so that it can't come after the end."""
        if self._growth is not None:
            await asyncio.wait([self._growth])

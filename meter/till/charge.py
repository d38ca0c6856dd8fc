"""One call's charge, as its handler and its edge see it: what it has used, what it costs by now, and how it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from meter.credits import MICRO, ZERO, AmountError, Credits, from_micro, text
from meter.ledger.promise import Balance
from meter.policy.ends import End
from meter.policy.model import Operation
from meter.pricing.coming_prices import ComingPrice
from meter.pricing.quote import Quote
from meter.till.bill import Bill
from meter.till.bookings import Booking
from meter.till.held import Held
from meter.till.usage import Number, Usage

Amount = int | str | Decimal | Fraction
"""Credits as a handler writes them: ``12``, ``"0.5"``, ``Decimal("0.5")``; never a binary float."""


class ChargeClosed(Exception):
    """A call is to be changed whose caller was told the price already; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Whose call it is, and under which id the books know it."""

    op: str
    account: str
    """Empty where a call is observed and its caller is not known."""
    plan: str
    now: int
    """The store's Unix second at which the charge was opened."""
    booked: bool = True
    """Whether the books know the call; one that is observed is served all the same."""


class Charge:
    """One call's charge; ``close`` says how the call ended, once."""

    __slots__ = ("_bill", "_booking", "_on_close", "_payer", "closed", "consumed", "forgiven", "told")

    def __init__(self, payer: Payer, bill: Bill, booking: Booking, on_close: Callable[["Charge"], None]) -> None:
        self._payer = payer
        self._bill = bill
        self._booking = booking
        self._on_close = on_close
        self.closed = False
        """Whether it is settled how the call ended."""
        self.told = False
        """Whether the caller has been told the price."""
        self.consumed: Credits = bill.quote.credits
        """What the call costs, as far as it is known by now; of a metered one, at most."""
        self.forgiven: Credits = ZERO
        """What it would have cost besides, had it not ended as it did."""

    @property
    def op(self) -> str:
        """The operation id, under which the books know this call."""
        return self._payer.op

    @property
    def account(self) -> str:
        """The account that pays; empty where a call is observed and its caller is not known."""
        return self._payer.account

    @property
    def plan(self) -> str:
        """The plan of the account that pays."""
        return self._payer.plan

    @property
    def now(self) -> int:
        """The store's Unix second at which the charge was opened."""
        return self._payer.now

    @property
    def booked(self) -> bool:
        """Whether the books know this call; a call that is observed is served all the same."""
        return self._payer.booked

    @property
    def operation(self) -> Operation:
        """What is charged for."""
        return self._bill.operation

    @property
    def quote(self) -> Quote:
        """The price as it was frozen when the call came; of a metered call, the ceiling."""
        return self._bill.quote

    @property
    def metered(self) -> bool:
        """Whether the price is known only when the call has ended."""
        return self._bill.metered

    @property
    def coming(self) -> ComingPrice | None:
        """The next price of such a call, where its caller asked for it and one is known."""
        return self._bill.coming

    @property
    def usage(self) -> Usage:
        """What the call has used so far."""
        return self._bill.usage

    @property
    def balance(self) -> Balance:
        """The account's figures when its books were last changed by this call."""
        return self._booking.balance

    @property
    def remaining(self) -> Credits:
        """What this operation could still draw."""
        return self._booking.balance.remaining

    @property
    def held(self) -> Credits:
        """What is set aside for the call; nothing where its price is taken at once."""
        return self._booking.held if isinstance(self._booking, Held) else ZERO

    def use(self, **units: Number | Decimal) -> None:
        """Report what the call used, by the names of the policy's meters; what is reported adds up.

        Args:
            units: quantities of at least 0, such as ``tokens=812``; a name that no meter has costs nothing.

        Raises:
            ValueError: a quantity is negative, or no exact number.
        """
        for name, quantity in units.items():
            self.usage.add(name, _checked(name, quantity))

    def set(self, amount: Amount) -> None:
        """Say the call's price before adjustments, in place of base and rates.

        Ceiling, adjustments and rounding apply as to any price.

        Raises:
            AmountError: it is no amount of credits.
            ChargeClosed: the caller has been told the price.
        """
        self._check_open("set")
        self._bill.list_price = _credits(amount)

    def add(self, amount: Amount) -> None:
        """Add to the call's price before adjustments.

        Raises:
            AmountError: it is no amount of credits.
            ChargeClosed: the caller has been told the price.
        """
        self._check_open("add to")
        self._bill.added = from_micro(self._bill.added + _credits(amount))

    def cap(self, amount: Amount) -> None:
        """Let the call cost so much at most.

        Raises:
            AmountError: it is no amount of credits.
            ChargeClosed: the caller has been told the price.
        """
        self._check_open("cap")
        most = _credits(amount)
        self._bill.cap = most if self._bill.cap is None else min(self._bill.cap, most)

    def waive(self, reason: str) -> None:
        """Let the call cost nothing, for a reason that the books will keep.

        Raises:
            ChargeClosed: the answer has begun, so its caller knows the price.
        """
        self._check_open("waive")
        self._bill.waived = reason

    def is_known_to_cost_less(self, end: End) -> bool:
        """Whether a call that ends so costs less than it was taken for at once, or nothing."""
        if self.metered:
            return not self._bill.share(end)
        return self._bill.final(end).credits != self.quote.credits

    async def covered(self) -> bool:
        """Whether what was used by now is set aside; where it is not, a stream is to be ended."""
        if not (self.metered and isinstance(self._booking, Held)):
            return True
        return await self._booking.covers(self._bill.due)

    async def renew(self) -> None:
        """Let the call's hold live on."""
        if isinstance(self._booking, Held) and not self.closed:
            await self._booking.renew()

    async def close(self, end: End) -> None:
        """Settle by how the call ended. Once: what comes later changes nothing."""
        if self.closed:
            return
        self.closed = True
        try:
            final = self._bill.final(end)
            self.consumed, self.forgiven = final.credits, self._bill.forgiven(end)
            self.consumed = await self._booking.close(final, self._bill.waived or f"ended {end}")
        finally:
            self._on_close(self)

    def _check_open(self, verb: str) -> None:
        if self.closed or self.told:
            raise ChargeClosed(f"The call {self.op} has been answered, so you can't {verb} it now; do so before.")


def _checked(name: str, quantity: Number | Decimal) -> Fraction:
    if isinstance(quantity, float) or quantity < 0:
        raise ValueError(f"{name}={quantity!r} is no quantity; report a whole number or a Decimal of at least 0.")
    return Fraction(quantity)


def _credits(amount: Amount) -> Credits:
    if isinstance(amount, float):
        raise AmountError(f"{amount!r} is a binary float; write credits as a whole number, text or Decimal.")
    micro = Fraction(amount) * MICRO
    if micro.denominator != 1:
        raise AmountError(f"{amount} has more than six decimals; the smallest amount is {text(Credits(1))} credits.")
    return from_micro(int(micro))

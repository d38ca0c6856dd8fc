"""What one call costs: by now, and by how it ends. Pure but for what the call itself reports to it."""

from dataclasses import replace
from fractions import Fraction

from meter.credits import LIMIT, ZERO, Credits
from meter.policy.ends import End
from meter.policy.model import Above, Operation
from meter.pricing.coming_prices import ComingPrice
from meter.pricing.conditions import Conditions
from meter.pricing.final import Final, Running, Said, final
from meter.pricing.quote import Quote
from meter.till.usage import Readings, Usage


class Bill:
    """One call's price while it is being found."""

    __slots__ = (
        "_conditions",
        "_running",
        "added",
        "cap",
        "coming",
        "holds",
        "list_price",
        "metered",
        "operation",
        "quote",
        "usage",
        "waived",
    )

    def __init__(
        self,
        operation: Operation,
        conditions: Conditions,
        quote: Quote,
        known: Readings,
        at_most: Credits | None,
        *,
        long: bool = False,
    ) -> None:
        self._conditions = conditions
        self._running: Running | None = None
        self.operation = operation
        """At the price by which the account pays."""
        self.metered = not self.operation.known_before
        """Whether the price is known only when the call has ended."""
        self.quote = quote
        """The price as it was frozen when the call came; of a metered call, the ceiling."""
        self.usage = Usage(operation, known)
        self.list_price: Credits | None = None
        self.added: Credits = ZERO
        self.cap = at_most
        self.holds = operation.holds or long
        """Whether credits are set aside until the call ends."""
        self.waived: str | None = None
        self.coming: ComingPrice | None = None
        """The next price of such a call, where its caller asked for it."""

    @property
    def due(self) -> Fraction:
        """Micro-credits for what was used by now, not yet rounded."""
        self._running = self._running or Running(self.operation, self._conditions)
        return self._running.micro(self.usage.readings)

    @property
    def first_hold(self) -> Credits:
        """What is set aside at first: one step, and what is due before the call; at most the ceiling."""
        step = self.operation.price.step
        if step is None or not self.metered:
            return self.quote.credits
        return Credits(min(self.quote.credits, max(step, self.due.__ceil__(), self.least)))

    @property
    def least(self) -> Credits:
        """What the call is charged if its worker dies now."""
        return self.final(End.KILLED).credits

    def share(self, end: End) -> Fraction:
        """What of its price a call pays that ends so."""
        return Fraction(0) if self.waived is not None else self.operation.charge[end]

    def forgiven(self, end: End) -> Credits:
        """What the call would have cost besides, had it not ended so."""
        share = self.share(end)
        return ZERO if share == 1 else Credits(self._at(end, Fraction(1)).credits - self._at(end, share).credits)

    def final(self, end: End) -> Final:
        """The price of the call, were it to end so with what it has used by now."""
        return self._at(end, self.share(end))

    def _at(self, end: End, share: Fraction) -> Final:
        if share == 1 and self._is_as_quoted:
            return Final(credits=self.quote.credits, record=self.quote.record)
        said = Said(list_price=self.list_price, added=self.added)
        operation = replace(self.operation, maximum=self._most)
        return final(operation, self._conditions, self.quote.policy, self.usage.readings, said, end=end, share=share)

    @property
    def _is_as_quoted(self) -> bool:
        said = self.list_price is not None or self.added or self.cap is not None
        return not (self.metered or said)

    @property
    def _most(self) -> Credits:
        """What the call may cost at most: its quote, unless it may overrun that, and what its caller allows."""
        step = self.operation.rounding.step
        overruns = self.metered and self.operation.price.above is Above.OVERRUN
        bounds = (LIMIT - LIMIT % step if overruns else self.quote.credits, self.cap, self.operation.maximum)
        return Credits(min(bound for bound in bounds if bound is not None))

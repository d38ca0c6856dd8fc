"""The arithmetic of a price, from the numbers that it is made of: the one place where money is computed.

A quote is reckoned with it, and a ledger entry is re-rated with it, from the numbers that the entry holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from meter.credits import ZERO, AmountError, Credits, Rounding, rounded
from meter.policy.model import Operation, Price
from meter.pricing.adjust import factors
from meter.pricing.conditions import Conditions, Factor
from meter.pricing.versions import TRANSITION, caps, priced, why


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one meter read, and what a unit of it costs."""

    meter: str
    units: Fraction | None
    """None where it is not known, or no number."""
    micro_per_unit: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """All numbers that one price is made of."""

    base: Credits
    uses: tuple[Use, ...] = ()
    list_price: Credits | None = None
    """What the app or the upstream said that the call is worth, in place of base and uses."""
    added: Credits = ZERO
    """What the app added to that."""
    at_most: Credits | None = None
    factors: tuple[Factor, ...] = ()
    rounding: Rounding
    maximum: Credits | None = None

    @property
    def unadjusted(self) -> Fraction:
        """Base and uses, or what was said in their place, at most the ceiling; that itself where a use is not known.

        Raises:
            AmountError: a use is not known and there is no ceiling.
        """
        total = self._used if self.list_price is None else Fraction(self.list_price)
        if total is None:
            return Fraction(self._ceiling)
        total += self.added
        return total if self.at_most is None else min(total, Fraction(self.at_most))

    @property
    def exact(self) -> Fraction:
        """Micro-credits after all adjustments, before rounding."""
        return self.unadjusted * prod(factor.multiply for factor in self.factors)

    @property
    def rounded(self) -> Credits:
        """Rounded to the step, not yet lifted to the minimum; of a price above the maximum, the maximum."""
        return rounded(self._payable, replace(self.rounding, minimum=ZERO))

    @property
    def credits(self) -> Credits:
        """The price: rounded once, then clamped."""
        lifted = rounded(self._payable, self.rounding)
        return lifted if self.maximum is None else min(lifted, self.maximum)

    @property
    def _payable(self) -> Fraction:
        return self.exact if self.maximum is None else min(self.exact, Fraction(self.maximum))

    @property
    def _used(self) -> Fraction | None:
        """Base and uses; None where a use is not known."""
        total = Fraction(self.base)
        for use in self.uses:
            if use.units is None:
                return None
            total += use.units * use.micro_per_unit
        return total

    @property
    def _ceiling(self) -> Credits:
        if self.at_most is None:
            meters = ", ".join(use.meter for use in self.uses if use.units is None)
            raise AmountError(f"{meters} could not be read and its price has no ceiling; give it an `at_most`.")
        return self.at_most


def reckon(operation: Operation, conditions: Conditions, usage: Mapping[str, Fraction | None]) -> Reckoning:
    """Gather the numbers that one call's price is made of."""
    if operation.free:
        return Reckoning(base=ZERO, rounding=replace(operation.rounding, minimum=ZERO))
    operation = priced(operation, conditions)
    listed = _listed(operation, operation.price, usage)
    walk = _transition(operation, conditions, usage, listed.unadjusted)
    return replace(listed, factors=(*walk, *factors(operation.adjustments, conditions)))


def _listed(operation: Operation, price: Price, usage: Mapping[str, Fraction | None]) -> Reckoning:
    """A price of an operation before adjustments."""
    uses = (
        Use(meter=rate.meter, units=usage.get(rate.meter), micro_per_unit=rate.micro_per_unit) for rate in price.rates
    )
    return Reckoning(
        base=price.base,
        uses=tuple(uses),
        at_most=price.at_most,
        rounding=operation.rounding,
        maximum=operation.maximum,
    )


def _transition(
    operation: Operation, conditions: Conditions, usage: Mapping[str, Fraction | None], full: Fraction
) -> tuple[Factor, ...]:
    """The rebate of an account whose pin is over: it pays the least that its caps allow, never more than in full."""

    def by(price: Price) -> Fraction:
        return _listed(operation, price, usage).unadjusted

    allowed = [by(cap.price) + cap.rise * by(cap.pinned) for cap in caps(operation, conditions)]
    if not allowed or min(allowed) >= full:
        return ()
    return (Factor(name=TRANSITION, multiply=Fraction(min(allowed), full), reason=why(operation, conditions)),)

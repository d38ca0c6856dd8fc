"""The price of one call, with the trace of how it came about.

``price`` is exact, rounded once, clamped, frozen: the same inputs give the same quote for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from meter.credits import Credits
from meter.policy.model import Operation
from meter.pricing import record, trace
from meter.pricing.coming_prices import ComingPrice, coming_price
from meter.pricing.conditions import CALM, Conditions, Factor, LoadReading, minute
from meter.pricing.reckoning import reckon
from meter.pricing.versions import priced, version_name

__all__ = ["CALM", "Conditions", "Factor", "LoadReading", "Pricer", "Quote", "price"]

QUOTES_MAX = 4096
"""How many quotes a ``Pricer`` remembers."""

NO_USAGE: Mapping[str, Fraction | None] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The frozen price of one call."""

    operation: str
    credits: Credits
    """For a price that depends on the response: the ceiling."""
    policy: str
    prices: str | None
    """The version of the prices; None where the operation has one price alone."""
    moment: datetime
    """The minute that decided, in UTC."""
    trace: tuple[str, ...]
    """How the price came about, a sentence a step."""
    factors: tuple[Factor, ...]
    record: str
    """One compact JSON object: all that re-rating needs. At most 2 KiB."""


def price(
    operation: Operation, conditions: Conditions, policy: str, usage: Mapping[str, Fraction | None] | None = None
) -> Quote:
    """Price one call of an operation.

    Args:
        operation: what is called.
        conditions: when, under which load, for which commitment.
        policy: the policy's version, for the record.
        usage: what the meters that are known before read, by the rate's name. None, or a missing name, where the
            reading is no number: it is then priced at the ceiling, never as nothing.

    Raises:
        AmountError: the exact price is above the limit of amounts, or a reading is missing and there is no ceiling.
    """
    conditions = replace(conditions, moment=minute(conditions.moment))
    operation = priced(operation, conditions)
    reckoning = reckon(operation, conditions, usage or NO_USAGE)
    return Quote(
        operation=operation.name,
        credits=reckoning.credits,
        policy=policy,
        prices=version_name(operation, conditions),
        moment=conditions.moment,
        trace=trace.sentences(operation, conditions, reckoning),
        factors=reckoning.factors,
        record=record.written(operation, conditions, policy, reckoning, conditions.moment),
    )


class Pricer:
    """``price`` for the operations of one policy, remembering what it said under the present conditions.

    A quote holds for a minute, so it is remembered by operation, commitment, pin and usage for as long as minute and
    load stay what they are; when either changes, or ``QUOTES_MAX`` is reached, all is forgotten.
    """

    def __init__(self, policy: str) -> None:
        self._policy = policy
        self._moment: datetime | None = None
        self._load = CALM
        self._drill = False
        self._quotes: dict[object, Quote] = {}
        self._coming: dict[object, ComingPrice | None] = {}
        self._operations: dict[object, Operation] = {}

    def price(
        self, operation: Operation, conditions: Conditions, usage: Mapping[str, Fraction | None] | None = None
    ) -> Quote:
        """Price one call, as ``price`` does."""
        if not self._still(conditions):
            self._forget(conditions)
        key = _key(operation, conditions, usage)
        quote = self._quotes.get(key)
        if quote is None:
            quote = self._quotes[key] = price(operation, conditions, self._policy, usage)
        return quote

    def operation(self, operation: Operation, conditions: Conditions) -> Operation:
        """The operation at the price by which it is paid, as ``priced`` finds it."""
        if not operation.versions:
            return operation
        if not self._still(conditions):
            self._forget(conditions)
        key = operation.name, conditions.pin
        found = self._operations.get(key)
        if found is None:
            found = self._operations[key] = priced(operation, conditions)
        return found

    def coming(
        self, operation: Operation, conditions: Conditions, usage: Mapping[str, Fraction | None] | None = None
    ) -> ComingPrice | None:
        """The next price of such a call, as ``coming_price`` finds it."""
        if not self._still(conditions):
            self._forget(conditions)
        key = _key(operation, conditions, usage)
        if key not in self._coming and len(self._coming) < QUOTES_MAX:
            self._coming[key] = coming_price(operation, conditions, usage or NO_USAGE)
        return self._coming.get(key)

    def _still(self, conditions: Conditions) -> bool:
        """Whether minute, load and drill are those of the remembered quotes, and there is room for one more."""
        return (
            (conditions.moment is self._moment or self._same_minute(conditions.moment))
            and (conditions.load is self._load or conditions.load == self._load)
            and conditions.drill == self._drill
            and len(self._quotes) < QUOTES_MAX
            and len(self._operations) < QUOTES_MAX
        )

    def _same_minute(self, moment: datetime) -> bool:
        return self._moment is not None and minute(moment) == minute(self._moment)

    def _forget(self, conditions: Conditions) -> None:
        self._moment, self._load, self._drill = conditions.moment, conditions.load, conditions.drill
        self._quotes = {}
        self._coming = {}
        self._operations = {}


def _key(operation: Operation, conditions: Conditions, usage: Mapping[str, Fraction | None] | None) -> object:
    """What tells calls of one minute and load apart."""
    account = conditions.commitment, conditions.pin, conditions.discount
    return operation.name, account, frozenset(usage.items()) if usage else None

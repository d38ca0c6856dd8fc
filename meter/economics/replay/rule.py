"""What one call of the traffic costs by a policy: the one rule, by which both engines price.

The moment, the load and how the call ended are what they were. Plan facts are those of the policy: a customer of the
plan ``pro`` gets what the policy's ``pro`` says; where it has no such plan, what the account's own terms say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction

from meter.credits import ZERO, AmountError, Credits
from meter.economics.exact import EconomicsError
from meter.policy.ends import End
from meter.policy.model import Above, Operation, PeriodUnit, Policy
from meter.pricing.conditions import Conditions, LoadReading
from meter.pricing.final import Said, ended, final
from meter.pricing.plan_terms import taken_up, terms_of
from meter.pricing.reckoning import Reckoning, reckon
from meter.pricing.terms import Terms, conditions_of
from meter.pricing.versions import caps, priced

MINUTE_SECONDS = 60
NOBODYS = Terms(plan="", included=ZERO, period=PeriodUnit.MONTH)
"""The terms of an account of which only its calls are known: nothing included, months of the calendar, UTC."""

Units = tuple[Fraction | None, ...]
"""What an operation's meters read, in the order of ``Rule.meters``; None where the traffic does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a call's price depends on beside its operation, its minute and its use."""

    plan: str | None = None
    commitment: Credits = ZERO
    load: frozenset[str] = frozenset()
    charged: Fraction = Fraction(1)
    terms: Terms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """How a side of the comparison is priced."""

    policy: Policy
    as_charged: bool = False
    """By what was charged; of the policy, the plans alone count."""


class Rule:
    """The prices of one policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._meters = {name: tuple(rate.meter for rate in one.rates) for name, one in policy.operations.items()}
        self._terms: dict[object, Terms] = {}

    def meters(self, operation: str) -> tuple[str, ...]:
        """The meters that an operation's price depends on; none of one that the policy does not have."""
        return self._meters.get(operation, ())

    def terms(self, facts: Facts) -> Terms:
        """The account's terms, by the policy: of equal facts the very same."""
        key = facts.plan, facts.commitment, facts.terms
        if key not in self._terms:
            self._terms[key] = self._taken_up(facts)
        return self._terms[key]

    def credits(self, operation: str, facts: Facts, terms: Terms, minute: int, units: Units) -> Credits:
        """The price of a call; nothing, where the policy does not have the operation.

        Args:
            operation: what was called.
            facts: the call's.
            terms: its account's, as ``terms`` gives them.
            minute: when it was called, in minutes since 1970.
            units: what its meters read.

        Raises:
            EconomicsError: it has no price.
        """
        one = self.policy.operations.get(operation)
        if one is None:
            return ZERO
        conditions = _conditions(facts, terms, minute)
        usage = dict(zip(self._meters[operation], units, strict=True))
        try:
            if _overruns(one) and None not in units:
                said, share = Said(), facts.charged
                return final(one, conditions, self.policy.version, usage, said, end=_END, share=share).credits
            return ended(reckon(one, conditions, usage), _END, facts.charged).credits
        except AmountError as error:
            raise EconomicsError(_priceless(one, usage, error)) from error

    def line(self, operation: str, facts: Facts, terms: Terms, minute: int) -> Reckoning | None:
        """The numbers that make the price of a call whatever it used, where all that it used is known.

        None where they are not the same for every use: of an account that walks to a new price.
        """
        one, conditions = self.policy.operations[operation], _conditions(facts, terms, minute)
        if caps(one, conditions):
            return None
        reckoning = reckon(one, conditions, dict.fromkeys(self._meters[operation], Fraction(0)))
        if priced(one, conditions).price.above is Above.OVERRUN:
            reckoning = replace(reckoning, at_most=None)
        return ended(reckoning, _END, facts.charged)

    def _taken_up(self, facts: Facts) -> Terms:
        plan = self.policy.plans.get(facts.plan) if facts.plan else None
        if facts.terms is not None:
            return taken_up(facts.terms, plan) if plan else facts.terms
        if plan is not None:
            return terms_of(plan, commitment=facts.commitment or None)
        return replace(NOBODYS, plan=facts.plan or "", commitment=facts.commitment)


_END = End.SUCCESS
"""Stands for however it ended: only the share of its price that this paid is known."""


def _conditions(facts: Facts, terms: Terms, minute: int) -> Conditions:
    moment = datetime.fromtimestamp(minute * MINUTE_SECONDS, UTC)
    return conditions_of(terms, moment=moment, load=LoadReading(on=facts.load))


def _overruns(operation: Operation) -> bool:
    return any(price.above is Above.OVERRUN for price in operation.prices)


def _priceless(operation: Operation, usage: Mapping[str, Fraction | None], error: AmountError) -> str:
    missing = [meter for meter, units in usage.items() if units is None]
    if not missing:
        return f"A call of {operation.name} has no price: {error}"
    columns = " and ".join(f"usage.{meter}" for meter in missing)
    return (
        f"{operation.name} is priced by {', '.join(missing)}, which the traffic does not say, and has no ceiling; "
        f"give the traffic a column {columns}, or the operation an `at_most`."
    )

"""What everything costs an account now, what makes it so, and when a window of time changes it next."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from meter.credits import MICRO, AmountError, Credits
from meter.gateway.account_view import JsonObject, moment_text, number
from meter.gateway.desk.numbers import exact
from meter.policy.model import (
    Adjustment,
    CommitmentAdjustment,
    LoadAdjustment,
    Operation,
    Policy,
    Price,
    TimeAdjustment,
)
from meter.pricing.adjust import factor
from meter.pricing.coming import Span, spans
from meter.pricing.coming_prices import coming_price
from meter.pricing.conditions import Conditions, Factor
from meter.pricing.quote import price
from meter.pricing.versions import priced, rates, version_name

COMING_DAYS = 7
"""So far ahead windows of time are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """What a policy costs under given conditions."""

    policy: Policy
    conditions: Conditions

    def shown(self) -> JsonObject:
        """Shape the list: a price for each operation, and each adjustment with its windows."""
        moment = self.conditions.moment
        return {
            "policy": self.policy.version,
            "commitment": number(self.conditions.commitment),
            "operations": [self._operation(one) for one in self.policy.operations.values()],
            "adjustments": [self._adjustment(one, names) for one, names in _adjustments(self.policy)],
            "as_of": moment_text(int(moment.timestamp())),
            "until": moment_text(int((moment + timedelta(days=COMING_DAYS)).timestamp())),
        }

    def _operation(self, operation: Operation) -> JsonObject:
        now, price_now = self._now(operation), priced(operation, self.conditions).price
        return {
            "operation": operation.name,
            "title": operation.title,
            "free": operation.free,
            "observed": operation.observe,
            "credits": None if now is None else number(now[0]),
            "known_before": all(rate.kind.known_before for rate in rates(operation, self.conditions)),
            **_price(price_now),
            "factors": [factor_object(one) for one in now[1]] if now else [],
            "prices": version_name(operation, self.conditions),
            "next": self._next(operation),
        }

    def _next(self, operation: Operation) -> JsonObject | None:
        """The next price, before adjustments by time and load; None where no change is known."""
        coming = coming_price(operation, self.conditions)
        if coming is None:
            return None
        return {
            "at": moment_text(int(coming.at.timestamp())),
            "prices": coming.prices,
            "credits": None if coming.credits is None else number(coming.credits),
            **_price(coming.price),
        }

    def _now(self, operation: Operation) -> tuple[Credits, tuple[Factor, ...]] | None:
        """The price now, or its ceiling; None where it has none before it is known what is asked for."""
        try:
            quote = price(operation, self.conditions, self.policy.version)
        except AmountError:
            return None
        return quote.credits, quote.factors

    def _adjustment(self, adjustment: Adjustment, names: list[str]) -> JsonObject:
        applies = factor(adjustment, self.conditions)
        shown: dict[str, object] = {
            "name": adjustment.name,
            "operations": names,
            "applies": applies is not None,
            "reason": applies.reason if applies else None,
        }
        match adjustment:
            case TimeAdjustment():
                windows = [_span(one) for one in self._windows(adjustment)]
                return shown | {"kind": "time", "multiply": exact(adjustment.multiply), "windows": windows}
            case LoadAdjustment():
                return shown | {
                    "kind": "load",
                    "multiply": exact(adjustment.multiply),
                    "above": exact(adjustment.above),
                }
            case CommitmentAdjustment():
                return shown | {"kind": "commitment", "tiers": [_tier(*one) for one in adjustment.tiers]}

    def _windows(self, adjustment: TimeAdjustment) -> tuple[Span, ...]:
        moment = self.conditions.moment
        return spans(adjustment, moment, moment + timedelta(days=COMING_DAYS))


def factor_object(one: Factor) -> JsonObject:
    """Shape what changed a price."""
    return {"name": one.name, "multiply": exact(one.multiply), "reason": one.reason}


def _price(told: Price) -> JsonObject:
    return {
        "base": number(told.base),
        "per": {rate.meter: exact(rate.micro_per_unit * Fraction(1, MICRO)) for rate in told.rates},
        "at_most": None if told.at_most is None else number(told.at_most),
    }


def _adjustments(policy: Policy) -> Iterable[tuple[Adjustment, list[str]]]:
    """Each adjustment of a policy with the operations that it is for."""
    found: dict[Adjustment, list[str]] = {}
    for operation in policy.operations.values():
        for one in operation.adjustments:
            found.setdefault(one, []).append(operation.name)
    return found.items()


def _span(span: Span) -> JsonObject:
    begin, end = span
    return {"from": moment_text(int(begin.timestamp())), "to": moment_text(int(end.timestamp()))}


def _tier(threshold: Credits, multiply: Fraction) -> JsonObject:
    return {"from": number(threshold), "multiply": exact(multiply)}

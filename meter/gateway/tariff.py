"""What is in force: one pointer to the policy, its matcher and its memoised prices.

A reload swaps the pointer; a call reads it once, so it keeps the policy that it began with.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from meter.gateway.asgi import Scope
from meter.gateway.request import is_preflight, request_of
from meter.policy.model import LoadAdjustment, PathMode, Policy
from meter.pricing.match import Ambiguous, Matched, Matcher, Unpriced
from meter.pricing.quote import Pricer

Verdict = Matched | Ambiguous | Unpriced


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A policy, ready to match and to price."""

    policy: Policy
    matcher: Matcher
    pricer: Pricer
    load_rules: Mapping[str, LoadAdjustment]
    """By name, those of all operations."""
    observes: bool
    """Whether nothing that has a price is charged: then nothing is refused either."""

    def verdict(self, scope: Scope) -> Verdict:
        """What a request calls."""
        return self.matcher.match(request_of(scope))

    def takes_nothing(self, verdict: Verdict, scope: Scope) -> bool:
        """Whether a call goes to the app without credits: it passes, or its price is only observed."""
        return self.passes(verdict, scope) or (isinstance(verdict, Matched) and verdict.operation.observe)

    def passes(self, verdict: Verdict, scope: Scope) -> bool:
        """Whether a call goes straight to the app: free, a preflight, or observed without an operation to price."""
        match verdict:
            case Matched(operation=operation):
                return operation.free or is_preflight(scope)
            case Unpriced(free=free):
                return free or self.observes or is_preflight(scope)
            case Ambiguous():
                return self.observes


class TariffBoard:
    """Where the tariff in force hangs."""

    def __init__(self, policy: Policy, default: PathMode) -> None:
        self._default = default
        self.tariff = self._made(policy)

    def hang(self, policy: Policy) -> None:
        """Put another policy in force, for the calls that begin from now on."""
        self.tariff = self._made(policy)

    def _made(self, policy: Policy) -> Tariff:
        matcher = Matcher(policy, self._default)
        return Tariff(
            policy=policy,
            matcher=matcher,
            pricer=Pricer(policy.version),
            load_rules=_load_rules(policy),
            observes=_observes(policy),
        )


def _load_rules(policy: Policy) -> Mapping[str, LoadAdjustment]:
    adjustments = (each for operation in policy.operations.values() for each in operation.adjustments)
    return {each.name: each for each in adjustments if isinstance(each, LoadAdjustment)}


def _observes(policy: Policy) -> bool:
    priced = [operation for operation in policy.operations.values() if not operation.free]
    return bool(priced) and all(operation.observe for operation in priced)

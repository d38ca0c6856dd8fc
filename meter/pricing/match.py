"""Which operation a request calls.

Precedence: exact path, most specific template, method named before any (``GET`` serves ``HEAD`` where no ``HEAD`` is
named), host named before any, more header conditions, more query conditions, first in file.

Where a request may be read in more than one way (another case of the path, a parameter given twice), every reading is
looked up and the dearest counts; where it depends which one that is, the request is refused.
"""

from collections.abc import Iterator

from meter.credits import LIMIT
from meter.policy.model import Operation, PathMode, Policy, Route, Unmatched
from meter.pricing.dearest import by_version, dearest, span
from meter.pricing.evidence import Evidence, Request
from meter.pricing.fields import PARAMETERS_MAX
from meter.pricing.fit import Fit
from meter.pricing.paths import AppPaths, Paths, Readings, StrictPaths
from meter.pricing.table import Choice
from meter.pricing.verdict import Ambiguous, Matched, Unpriced

__all__ = ["Ambiguous", "Matched", "Matcher", "Request", "Unpriced"]

CROWDED = Ambiguous(
    reason=f"The query has more than {PARAMETERS_MAX} parameters, so its price can't be read; send fewer."
)


class Matcher:
    """The routes of one policy, compiled once."""

    def __init__(self, policy: Policy, default: PathMode) -> None:
        """Compile a policy's routes.

        Args:
            policy: the policy.
            default: what templates are matched against where the policy doesn't say.
        """
        strict = (policy.paths or default) is PathMode.STRICT
        self._paths: Paths = StrictPaths(policy) if strict else AppPaths(policy)
        self._unpriced = Unpriced(free=policy.unmatched is Unmatched.FREE)
        self._unmatched = None if isinstance(policy.unmatched, Unmatched) else policy.operations[policy.unmatched]

    def match(self, request: Request) -> Matched | Ambiguous | Unpriced:
        """The operation that a request calls, the reason why it is refused, or that nothing matches it."""
        readings = self._paths.readings(request)
        if isinstance(readings, Ambiguous):
            return readings
        evidence = Evidence(request)
        meanings = self._meanings(readings, evidence)
        if evidence.crowded:
            return CROWDED
        return _decided(meanings) if meanings else self._unpriced

    def _meanings(self, readings: Readings, evidence: Evidence) -> list[Matched]:
        """The operations that a request may mean, each once, with what their meters read."""
        found: dict[str, Matched] = {}
        for choices in readings:
            for operation, route in self._called(choices, evidence):
                if operation.name not in found:
                    usage = evidence.usage(operation)
                    found[operation.name] = Matched(operation=operation, route=route, usage=usage)
        return list(found.values())

    def _called(self, choices: Iterator[list[Choice]], evidence: Evidence) -> Iterator[tuple[Operation, Route | None]]:
        """Every operation that may be called in one reading: all that perhaps fit, up to the first that surely does.

        Templates that only a stricter spelling tells from that one may be meant as well.
        """
        for group in choices:
            sure: Choice | None = None
            for choice in group:
                fit = Fit.NO if sure and not choice.is_twin_of(sure) else evidence.fit(choice.route)
                if fit is not Fit.NO:
                    yield choice.operation, choice.route
                if fit is Fit.YES:
                    sure = choice
            if sure:
                return
        if self._unmatched is not None:
            yield self._unmatched, None


def _decided(meanings: list[Matched]) -> Matched | Ambiguous:
    matched = meanings[0] if len(meanings) == 1 else dearest(meanings)
    if matched is None:
        names = " or ".join(f"`{meaning.operation.name}`" for meaning in meanings[:2])
        return Ambiguous(
            reason=f"The request may mean {names}, and either can be the dearer; write it in one way only."
        )
    return _payable(matched)


def _payable(matched: Matched) -> Matched | Ambiguous:
    """The match, unless its price has no ceiling and what it is priced by is missing, no number, or too much."""
    operation = matched.operation
    if all(_can_be_paid(one) for one in by_version(matched)):
        return matched
    meters = ", ".join(f"`{rate.meter}`" for rate in operation.rates)
    return Ambiguous(reason=f"`{matched.operation.name}` is priced by {meters}; send a plain number that can be paid.")


def _can_be_paid(matched: Matched) -> bool:
    price = matched.operation.price
    if not price.rates or price.at_most is not None:
        return True
    read = (matched.usage.get(rate.meter) for rate in price.rates)
    return None not in read and span(matched).most <= LIMIT

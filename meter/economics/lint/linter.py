"""Runs the rules over a subject."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from types import MappingProxyType

from meter.economics.lint.finding import Finding, Need, Rule, Severity
from meter.economics.lint.rules import RULES
from meter.economics.lint.subject import Subject
from meter.policy.mistakes import Mistake

REFUSED = "MTR001"
"""The code of what keeps the gateway from loading the policy at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """What the rules found, in the order of the files; and the rules that could not look, each with what they need."""

    findings: tuple[Finding, ...]
    skipped: tuple[tuple[Rule, tuple[Need, ...]], ...] = ()

    @property
    def failed(self) -> bool:
        """Whether anything is worse than ``info``."""
        return any(finding.severity is not Severity.INFO for finding in self.findings)


def lint(subject: Subject, *, ignore: Collection[str] = (), mistakes: Iterable[Mistake] = ()) -> Linted:
    """Look for everything that a policy's economics have wrong.

    Args:
        subject: the policy with what is declared beside it.
        ignore: codes that are not looked for.
        mistakes: what the gateway refuses the policy for.
    """
    findings, skipped = list(refused(mistakes)), []
    for rule in RULES:
        if rule.code in ignore:
            continue
        if missing := tuple(need for need in rule.needs if not _MET[need](subject)):
            skipped.append((rule, missing))
            continue
        findings += _found(rule, subject)
    kept = (finding for finding in findings if finding.code not in ignore)
    return Linted(findings=tuple(sorted(kept, key=_order)), skipped=tuple(skipped))


def refused(mistakes: Iterable[Mistake]) -> Iterator[Finding]:
    """The findings that mistakes of a policy are."""
    for mistake in mistakes:
        yield Finding(
            code=REFUSED,
            name="refused-policy",
            severity=Severity.ERROR,
            place=mistake.place,
            problem=f"the gateway refuses this policy: {mistake.problem}",
            fix=mistake.fix,
        )


def _found(rule: Rule, subject: Subject) -> Iterator[Finding]:
    for one in rule.check(subject):
        yield Finding(
            code=rule.code, name=rule.name, severity=rule.severity, place=one.place, problem=one.problem, fix=one.fix
        )


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    place = finding.place
    return place.file, place.line, place.column, finding.code, finding.problem


_MET: MappingProxyType[Need, Callable[[Subject], bool]] = MappingProxyType(
    {
        Need.PRICE: lambda subject: subject.economics.price_per_credit is not None,
        Need.COSTS: lambda subject: bool(subject.economics.costs),
        Need.BLENDED: lambda subject: subject.cost_per_credit is not None,
        Need.MARGIN: lambda subject: subject.economics.target_margin is not None,
        Need.FLOOR: lambda subject: subject.economics.margin_floor is not None,
        Need.LADDER: lambda subject: subject.economics.ladder is not None,
        Need.ZONE: lambda subject: subject.economics.zone is not None,
        Need.OPENAPI: lambda subject: subject.endpoints is not None,
        Need.BUNDLES: lambda subject: bool(subject.economics.bundles),
        Need.OFFERS: lambda subject: bool(subject.economics.offers),
        Need.DASHBOARD: lambda subject: subject.economics.dashboard is not None,
    }
)

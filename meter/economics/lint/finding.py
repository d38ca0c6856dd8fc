"""What a rule finds, and what a rule is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from meter.economics.lint.subject import Subject
from meter.policy.model import Place


class Severity(StrEnum):
    """How bad a finding is; ``info`` alone fails no check."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a rule says of one place, before it has its code."""

    place: Place
    problem: str
    """What is wrong, with the values."""
    fix: str
    """What would be right."""


class Need(StrEnum):
    """What a rule has to be told besides the policy; the value says how."""

    PRICE = "a price per credit (--price)"
    COSTS = "costs (--costs FILE)"
    BLENDED = "a blended cost (--blended-cost, or --costs FILE)"
    MARGIN = "a target margin (--margin)"
    FLOOR = "a margin floor (--floor)"
    LADDER = "a ladder (--ladder)"
    ZONE = "the customers' zone (`zone` in a --costs FILE.yaml)"
    OPENAPI = "an OpenAPI document (--openapi FILE)"
    BUNDLES = "declared buffers (`bundles` in a --costs FILE.yaml)"
    OFFERS = "competitors' offers (`offers` in a --costs FILE.yaml)"
    DASHBOARD = "a declared dashboard (`dashboard` in a --costs FILE.yaml)"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that the linter looks for."""

    code: str
    name: str
    severity: Severity
    check: Callable[[Subject], Iterator[Found]]
    title: str
    """A sentence without its full stop: what it finds."""
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, at its place."""

    code: str
    name: str
    severity: Severity
    place: Place
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.place}: {self.code} {self.problem}; {self.fix}"

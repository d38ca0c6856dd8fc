"""What matching can say of a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from meter.policy.model import Operation, Route

Usage = Mapping[str, Fraction | None]
"""What the meters that are known before the call read, by the rate's name; None where it is no plain number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The request calls this operation."""

    operation: Operation
    route: Route | None
    """None where no route matched, and the policy prices that as an operation."""
    usage: Usage = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """The request has no single meaning, so it has no price."""

    reason: str
    """A sentence that names what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """No route matches the request."""

    free: bool
    """Whether the policy lets it through all the same."""

"""A request, and what it says of itself about conditions and quantities; read only when somebody asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from meter.policy.model import MeterKind, Operation, Rate, Route
from meter.pricing.fields import (
    Field,
    crowded,
    header_fields,
    largest,
    loose_header,
    loose_parameter,
    query_fields,
)
from meter.pricing.fit import Fit, condition_fit, host_fit
from meter.pricing.verdict import Usage

NO_USAGE: Usage = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What matching may know of a request."""

    method: str
    host: str
    """As in the ``Host`` header."""
    target: bytes
    """The raw path as it was sent, without its query."""
    path: str
    """``scope["path"]``: decoded."""
    query: bytes = b""
    headers: Sequence[tuple[bytes, bytes]] = ()


class Evidence:
    """One request's fields, each kind read at most once."""

    __slots__ = ("_headers", "_query", "crowded", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.crowded = False
        """Whether the query was asked for and has too many parameters to be read."""
        self._query: tuple[Field, ...] | None = None
        self._headers: tuple[Field, ...] | None = None

    def fit(self, route: Route) -> Fit:
        """How well the request meets the conditions of a route whose method and path it has."""
        worst = host_fit(route.host, self.request.host)
        for condition in route.headers:
            name = condition.name.lower()
            worst = min(worst, condition_fit(condition, name, loose_header(name), self.headers))
        for condition in route.query:
            worst = min(worst, condition_fit(condition, condition.name, loose_parameter(condition.name), self.query))
        return worst

    def usage(self, operation: Operation) -> Usage:
        """What the operation's meters read that are known before the call."""
        rates = operation.rates
        if not rates:
            return NO_USAGE
        return {rate.meter: self._read(rate) for rate in rates if rate.kind.known_before}

    @property
    def query(self) -> tuple[Field, ...]:
        """The query's parameters; none of a query that is too crowded to be read."""
        if self._query is None:
            self.crowded = crowded(self.request.query)
            self._query = () if self.crowded else query_fields(self.request.query)
        return self._query

    @property
    def headers(self) -> tuple[Field, ...]:
        """The request's headers."""
        if self._headers is None:
            self._headers = header_fields(self.request.headers)
        return self._headers

    def _read(self, rate: Rate) -> Fraction | None:
        if rate.kind is MeterKind.QUERY:
            return largest(self.query, rate.source, loose_parameter(rate.source))
        return largest(self.headers, rate.source.lower(), loose_header(rate.source))

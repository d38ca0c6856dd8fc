"""The readings of a request's path: under each spelling that an app or upstream may take it for, what it could call.

``strict`` reads the raw target as it stands, and once more as an upstream reads it that decodes, ignores case or
ignores a slash at the end. ``app`` reads ``scope["path"]``, and once more without a final line feed, which Starlette's
``$`` ignores.
"""

import unicodedata
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import unquote

from meter.policy.model import Comparison, Policy, Route, UpstreamRule
from meter.pricing.evidence import Request
from meter.pricing.table import EXACT, Choice, Table
from meter.pricing.target import path_of
from meter.pricing.templates import parsed
from meter.pricing.verdict import Ambiguous

Readings = tuple[Iterator[list[Choice]], ...]
"""Of each reading, what it could call: exact paths, then templates."""


class Paths(Protocol):
    """Looks up what a request's path could call."""

    def readings(self, request: Request) -> Readings | Ambiguous:
        """The choices of each reading, or why the path has no single form."""
        ...


class AppPaths:
    """``paths: app``."""

    def __init__(self, policy: Policy) -> None:
        self._tables = _tables(policy, EXACT)

    def readings(self, request: Request) -> Readings | Ambiguous:
        """The choices of each reading."""
        table = _table(self._tables, request.method)
        if request.path.endswith("\n"):
            return table.find(request.path), table.find(request.path[:-1])
        return (table.find(request.path),)


class StrictPaths:
    """``paths: strict``."""

    def __init__(self, policy: Policy) -> None:
        self._upstream = policy.upstream
        self._raw = _tables(policy, EXACT)
        self._loose = _tables(policy, policy.upstream)

    def readings(self, request: Request) -> Readings | Ambiguous:
        """The choices of each reading, or why the path has no single form."""
        path = path_of(request.target)
        if isinstance(path, Ambiguous):
            return path
        raw, loose = _table(self._raw, request.method), _table(self._loose, request.method)
        return raw.find(path), loose.find(_folded(path, self._upstream))


def _folded(path: str, upstream: UpstreamRule) -> str:
    """A canonical path as an upstream may read it: decoded, cut where decoding made a delimiter, and folded."""
    if "%" in path:
        path = unquote(path).partition("?")[0].partition("#")[0].rstrip(" ")
    if upstream.case is not Comparison.EXACT:
        path = path.lower() if path.isascii() else unicodedata.normalize("NFKC", path).casefold()
    return path if upstream.slash is Comparison.EXACT else path.rstrip("/") or "/"


def _table(tables: dict[str | None, Table], method: str) -> Table:
    return tables.get(method.upper()) or tables[None]


def _tables(policy: Policy, comparison: UpstreamRule) -> dict[str | None, Table]:
    """A table for each method that has routes of its own, and one for all others."""
    methods = {None, "HEAD", *(route.method for route in policy.routes)}
    return {method: Table(_choices(policy, method), comparison) for method in methods}


def _choices(policy: Policy, method: str | None) -> Iterator[Choice]:
    """The routes that serve a method, in order of precedence; of two that are equal, the first in the file first."""
    serving = (route for route in policy.routes if _serves(route, method))
    for rank, route in enumerate(sorted(serving, key=lambda route: _precedence(route, method))):
        template, operation = parsed(route.template), policy.operations[route.operation]
        yield Choice(rank=rank, route=route, operation=operation, template=template, folded=template)


def _serves(route: Route, method: str | None) -> bool:
    return route.method in {None, method} or (route.method == "GET" and method == "HEAD")


def _precedence(route: Route, method: str | None) -> tuple[object, ...]:
    return (
        parsed(route.template).looseness,
        (route.method is None, route.method != method),
        route.host is None,
        -len(route.headers),
        -len(route.query),
    )

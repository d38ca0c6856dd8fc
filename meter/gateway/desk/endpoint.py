"""What a desk answers: a table of endpoints, each a method, a path and a function; and the one who looks into it.

The table is also what the desk's OpenAPI document is made of, so that neither knows what the other does not.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from meter.credits import AmountError
from meter.gateway.account_view import json_text
from meter.gateway.answers import Answers
from meter.gateway.asgi import ASGIApp, Receive, Scope
from meter.gateway.desk import refusals
from meter.gateway.desk.asked import Asked, BadRequest, Gone, TooLarge, mounted_at, segments
from meter.gateway.desk.openapi import Api, document
from meter.gateway.desk.shapes import Shape
from meter.ledger.names import BadName
from meter.ledger.promise import LedgerUnavailable

DOCUMENT = ("openapi.json",)

W = TypeVar("W")
"""Who asks, as a desk knows them."""


class NoQuery(msgspec.Struct, forbid_unknown_fields=True):
    """No parameters."""


@dataclass(frozen=True, slots=True)
class Turned:
    """Who may not ask, with the answer that they get."""

    answer: ASGIApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[W]):
    """One thing that may be asked."""

    method: str
    path: str
    """Below the desk's own: ``/accounts/{account}/keys``; empty for the desk itself."""
    name: str
    """What the document calls it."""
    summary: str
    answer: Callable[[Asked, W], Awaitable[ASGIApp]]
    answers: Mapping[int, tuple[str, Shape | str]]
    """By status: a sentence, and the shape of the JSON document, or the type of another."""
    query: type[msgspec.Struct] = NoQuery
    body: type[msgspec.Struct] | None = None
    refusals: Sequence[int] = ()
    """Statuses of its own refusals, besides those that all of its desk have."""
    cost: int = 1
    """Of the calls that one may make in a while, how many this one counts for."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path."""
        return tuple(self.path.split("/")[1:])

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that it answers: what can be read can be asked for its head."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk(Generic[W]):
    """Finds who answers a request, and answers what nobody does."""

    path: str
    api: Api
    endpoints: Sequence[Endpoint[W]]
    answers: Answers
    admit: Callable[[Scope, int], Awaitable[W | Turned]] = field(repr=False)
    """Finds who asks, for something of a cost."""

    async def answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        """Answer a request; whatever it holds, the answer is a document."""
        here = segments(scope, self.path)
        if here == DOCUMENT:
            return await self._document(scope)
        found = [(one, names) for one in self.endpoints if (names := _names(one.parts, here)) is not None]
        if not found:
            return self.answers.not_found(scope["path"])
        for endpoint, names in found:
            if scope["method"] in endpoint.methods:
                return await self._answered(endpoint, Asked(scope=scope, receive=receive, names=names))
        allowed = ", ".join(method for endpoint, _ in found for method in endpoint.methods)
        return self.answers.method_not_allowed(scope["method"], allowed)

    async def _document(self, scope: Scope) -> ASGIApp:
        if scope["method"] not in ("GET", "HEAD"):
            return self.answers.method_not_allowed(scope["method"], "GET, HEAD")
        who = None if self.api.open else await self.admit(scope, 1)
        if isinstance(who, Turned):
            return who.answer
        written = document(self.api, self.endpoints, path=self.path, mount=mounted_at(scope))
        return self.answers.json(json_text(written))

    async def _answered(self, endpoint: Endpoint[W], asked: Asked) -> ASGIApp:
        try:
            who = await self.admit(asked.scope, endpoint.cost)
            return who.answer if isinstance(who, Turned) else await endpoint.answer(asked, who)
        except (BadRequest, BadName, AmountError) as error:
            return refusals.bad_request(self.answers, str(error))
        except TooLarge:
            return refusals.too_large(self.answers)
        except Gone:
            return _nothing
        except LedgerUnavailable:
            return refusals.unavailable(self.answers)


def _names(template: tuple[str, ...], here: tuple[str, ...] | None) -> Mapping[str, str] | None:
    """What the placeholders stand for; None where the path is another one."""
    if here is None or len(template) != len(here):
        return None
    pairs = list(zip(template, here, strict=True))
    if any(part != found and not (part.startswith("{") and found) for part, found in pairs):
        return None
    return {part[1:-1]: found for part, found in pairs if part.startswith("{")}


async def _nothing(*_: object) -> None:
    """Answer nobody."""

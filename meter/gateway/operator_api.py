"""What the operator may ask of a worker: is it well, what has it counted, and all that its desk knows of the books.

Never reachable through an upstream.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from meter.gateway import metrics
from meter.gateway.account_view import json_text
from meter.gateway.answers import Answers
from meter.gateway.asgi import ASGIApp, Receive, Scope, Send
from meter.gateway.desk import refusals
from meter.gateway.desk.endpoint import Desk
from meter.gateway.operator.books import Books
from meter.gateway.request import app_path

_OF_THE_WORKER = ("/health", "/health/ready", "/health/live", "/metrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How well a worker is."""

    ready: bool
    """Whether calls that cost something can be served."""
    policy: str
    """The version in force."""
    undo_pending: int
    """How many operations wait to be undone."""
    troubles: Mapping[str, str]
    """A sentence for each part that is not well."""


class OperatorApi:
    """Answers ``/_meter/health`` to anybody, and the rest to who has the operator's token."""

    def __init__(
        self,
        *,
        path: str,
        token: str | None,
        health: Callable[[], Awaitable[Health]],
        desk: Desk[Books] | None,
        answers: Answers,
    ) -> None:
        """Keep the parts; ``desk`` has all that is about the books, and is None while they can't be reached."""
        self._path = path
        self._token = token.encode() if token else None
        self._health = health
        self._desk = desk
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HTTP; nothing else is routed here."""
        await (await self._answer(scope, receive))(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        here = app_path(scope).removeprefix(self._path)
        if here in _OF_THE_WORKER and scope["method"] not in ("GET", "HEAD"):
            return self._answers.method_not_allowed(scope["method"], "GET, HEAD")
        match here:
            case "/health" | "/health/ready":
                return self._health_of(await self._health(), scope)
            case "/health/live":
                return self._answers.json(b'{"live":true}')
            case _ if self._token is None:
                return self._answers.not_found(scope["path"])
            case _ if not self._is_operator(scope):
                return self._answers.unauthenticated("The operator's token is missing or wrong.")
        return await self._of_the_operator(here, scope, receive)

    async def _of_the_operator(self, here: str, scope: Scope, receive: Receive) -> ASGIApp:
        if here == "/metrics":
            return self._answers.plain(*metrics.exposition())
        return await self._desk.answer(scope, receive) if self._desk else refusals.unavailable(self._answers)

    def _health_of(self, health: Health, scope: Scope) -> ASGIApp:
        """Tell everybody what is wrong, and the operator alone the whole sentence: it names files and addresses."""
        troubles = health.troubles if self._is_operator(scope) else sorted(health.troubles)
        facts = {
            "live": True,
            "ready": health.ready,
            "policy": health.policy,
            "undo_pending": health.undo_pending,
            "troubles": troubles,
        }
        return self._answers.json(json_text(facts), status=200 if health.ready else 503)

    def _is_operator(self, scope: Scope) -> bool:
        presented = [value for name, value in scope["headers"] if name == b"authorization"]
        if self._token is None or len(presented) != 1:
            return False
        scheme, _, token = presented[0].partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)

"""What an account may ask of its own books: unmetered, and answered at a balance of zero."""

from collections.abc import Callable

from meter.gateway.account_view import credits_object, json_text
from meter.gateway.answers import Answers
from meter.gateway.asgi import ASGIApp, Receive, Scope, Send
from meter.gateway.callers import Identify, Unidentified, unknown
from meter.ledger.promise import LedgerUnavailable
from meter.policy.model import IdentityRule
from meter.till import Till


class AccountApi:
    """Answers ``GET /credits``."""

    def __init__(
        self, *, path: str, till: Till, identify: Identify, rule: Callable[[], IdentityRule], answers: Answers
    ) -> None:
        self._path = path
        self._till = till
        self._identify = identify
        self._rule = rule
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HTTP; nothing else is routed here."""
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> ASGIApp:
        if scope["path"] != self._path:
            return self._answers.not_found(scope["path"])
        if scope["method"] not in ("GET", "HEAD"):
            return self._answers.method_not_allowed(scope["method"], "GET, HEAD")
        caller = await self._identify(scope, self._rule())
        if isinstance(caller, Unidentified):
            return self._answers.unauthenticated(caller.reason)
        try:
            statement = await self._till.statement(caller)
        except LedgerUnavailable:
            return self._answers.ledger_unavailable()
        if statement is None:
            return self._answers.unauthenticated(unknown(caller).reason)
        return self._answers.json(json_text({"data": credits_object(statement)}))

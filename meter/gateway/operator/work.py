"""What every endpoint of the operator's desk is given, and what they all say."""

from collections.abc import Callable
from dataclasses import dataclass

from meter.gateway.account_view import json_text
from meter.gateway.answers import Answers
from meter.gateway.asgi import ASGIApp
from meter.gateway.desk import refusals
from meter.gateway.operator.books import Books
from meter.ledger.promise import Statement
from meter.policy.model import Policy
from meter.till import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The parts of the desk."""

    ledger: Books
    policy: Callable[[], Policy]
    """The policy in force."""
    answers: Answers

    def shown(self, value: object, status: int = 200, **more: object) -> ASGIApp:
        """Answer with data."""
        return self.answers.json(json_text({"data": value, **more}), status)

    def nobody(self, account: str) -> ASGIApp:
        """Say that there is no such account."""
        return refusals.nothing_there(self.answers, f"There is no account {account!r}.")

    def conflict(self, detail: str) -> ASGIApp:
        """Say what contradicts the books."""
        return refusals.conflict(self.answers, detail)

    async def statement(self, account: str) -> Statement | None:
        """An account as it stands, its period renewed if it was over."""
        return await statement(self.ledger, account, self.policy().plans.get)

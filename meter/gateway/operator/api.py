"""The operator's desk: its endpoints, and the name under which their changes go into the ledger.

Who asks has shown the operator's token before anything gets here.
"""

import re
from collections.abc import Callable

from meter.gateway.answers import Answers
from meter.gateway.asgi import Scope
from meter.gateway.desk import refusals
from meter.gateway.desk.endpoint import Desk, Turned
from meter.gateway.desk.openapi import Api
from meter.gateway.operator.accounts import Accounts
from meter.gateway.operator.books import Books
from meter.gateway.operator.export import Export
from meter.gateway.operator.grants import Grants
from meter.gateway.operator.holds import Holds
from meter.gateway.operator.keys import Keys
from meter.gateway.operator.plans import Plans
from meter.gateway.operator.work import Work
from meter.policy.model import Policy

ACTOR = b"meter-actor"
"""The header in which the operator's own system may say on whose behalf it asks."""

_NAME = re.compile(rb"[A-Za-z0-9._-]{1,40}")


def operator_desk(*, path: str, ledger: Books, policy: Callable[[], Policy], answers: Answers) -> Desk[Books]:
    """Make the desk."""
    work = Work(ledger=ledger, policy=policy, answers=answers)
    rooms = (Accounts(work), Plans(work), Grants(work), Keys(work), Holds(work), Export(work, path))

    async def admit(scope: Scope, _: int) -> Books | Turned:
        named = [value for name, value in scope["headers"] if name == ACTOR]
        if not named:
            return ledger.by("api")
        if len(named) > 1 or not _NAME.fullmatch(named[0]):
            detail = "Meter-Actor is at most 40 letters, digits, '.', '_' or '-', and stands there once."
            return Turned(refusals.bad_request(answers, detail))
        return ledger.by(f"api:{named[0].decode()}")

    return Desk(
        path=path,
        api=Api(
            title="Operating meter",
            schemes={"token": {"type": "http", "scheme": "bearer"}},
            refusals=(400, 401, 503),
            open=False,
        ),
        endpoints=[endpoint for room in rooms for endpoint in room.endpoints()],
        answers=answers,
        admit=admit,
    )

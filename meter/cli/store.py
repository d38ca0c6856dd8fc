"""How a command asks the ledger: open the books, ask one question, close them."""

import asyncio
import getpass
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from meter.cli.ends import Refusal
from meter.cli.options import settings
from meter.ledger.deadline import STEP_SECONDS
from meter.ledger.promise import Ledger, Statement
from meter.till import statement

if TYPE_CHECKING:
    from meter.ledger.engine import RedisLedger

T = TypeVar("T")

_ODD = re.compile(r"[^A-Za-z0-9._-]")


def ask(
    question: Callable[["RedisLedger"], Awaitable[T]],
    *,
    redis: str | None,
    data: Path | None,
    step_seconds: float = STEP_SECONDS,
) -> T:
    """Open the store of the flags or of the environment, and ask one question.

    Raises:
        LedgerError: the store can't be reached, or it would lose what it is told.
    """
    from meter.store import open_ledger  # noqa: PLC0415 - the application takes longer to import than the rest to run

    async def asked() -> T:
        async with open_ledger(settings(redis=redis, data=data), step_seconds=step_seconds) as ledger:
            return await question(ledger.by(actor()))

    return asyncio.run(asked())


def actor() -> str:
    """Who types: the name that the entries of their changes hold."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = ""
    return f"cli:{_ODD.sub('_', name)[:40]}" if name else "cli"


async def known(ledger: Ledger, account: str) -> Statement:
    """An account as it stands, its period renewed if it was over.

    Raises:
        Refusal: there is none of that name.
    """
    found = await statement(ledger, account)
    if found is None:
        raise nobody(account)
    return found


def nobody(account: str) -> Refusal:
    """The refusal of a name that no account has."""
    return Refusal(f"There is no account {account!r}; open it with: meter account create {account} --plan PLAN")

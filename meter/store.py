"""Opening the books that the settings name: their own store, or an embedded server's."""

import contextlib
from collections.abc import AsyncIterator

from meter.ledger import embedded, guard
from meter.ledger.deadline import STEP_SECONDS
from meter.ledger.engine import RedisLedger
from meter.ledger.line import Line, open_line
from meter.ledger.promise import LedgerUnavailable
from meter.settings import Settings


@contextlib.asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[str]:
    """Give the store's URL: for as long as it is used, where it is an embedded server's.

    Raises:
        LedgerUnavailable: there is no store, or it would lose money; the message says what to do.
    """
    async with contextlib.AsyncExitStack() as stack:
        url = settings.redis
        if url is None:
            own = await embedded.start(settings.data, maxmemory_bytes=settings.store_bytes_max)
            url = (await stack.enter_async_context(own)).url
        refusal = guard.refusal(await guard.inspect(url))
        if refusal is not None:
            raise LedgerUnavailable(refusal, fate_unknown=False)
        yield url


@contextlib.asynccontextmanager
async def open_books(
    settings: Settings, *, step_seconds: float = STEP_SECONDS
) -> AsyncIterator[tuple[RedisLedger, Line]]:
    """Open the ledger, and give the line that it speaks through besides.

    Raises:
        LedgerUnavailable: as ``open_store``.
    """
    async with open_store(settings) as url, open_line(url) as line:
        yield await RedisLedger.open(line, step_seconds=step_seconds), line


@contextlib.asynccontextmanager
async def open_ledger(settings: Settings, *, step_seconds: float = STEP_SECONDS) -> AsyncIterator[RedisLedger]:
    """Open the ledger alone.

    Raises:
        LedgerUnavailable: as ``open_store``.
    """
    async with open_books(settings, step_seconds=step_seconds) as (ledger, _):
        yield ledger

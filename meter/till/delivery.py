"""What closes a call in the books: now or, where the store does not answer, later, from the list of undos."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from meter.ledger.promise import LedgerUnavailable
from meter.ledger.undo import Undo, UndoList, UndoNotKept

log = logging.getLogger("meter")

T = TypeVar("T")


class Delivery:
    """The way to the books for what must be done to them, whoever dies or falls silent."""

    def __init__(self, undo: UndoList) -> None:
        self._undo = undo

    @property
    def trouble(self) -> str | None:
        """Why nobody should be admitted just now; None where all is well."""
        return self._undo.trouble

    async def done(self, step: Awaitable[T], later: Undo) -> T | None:
        """Await a step of the ledger; None where it is on the list of undos instead."""
        try:
            return await step
        except asyncio.CancelledError:
            await asyncio.shield(self.undo_later(later))
            raise
        except LedgerUnavailable as error:
            log.warning("The %s of operation %s waits for the store: %s", later.kind, later.op, error)
            await self.undo_later(later)
            return None

    async def undo_later(self, undo: Undo) -> None:
        """Put an undo on the list; say so if it can't be kept there."""
        try:
            await self._undo.add(undo)
        except UndoNotKept as error:
            log.error("An undo may be lost if this worker dies: %s", error)

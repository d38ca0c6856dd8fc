"""How one worker gets through an outage of its store: what it serves from meanwhile, and what it looks for then."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from pathlib import Path

from meter.gateway import metrics
from meter.ledger.engine import RedisLedger
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.reserve.durable import forgets
from meter.ledger.reserve.reapply import keep
from meter.ledger.reserve.reserve import Reserve
from meter.ledger.reserve.upkeep import Upkeep
from meter.ledger.store_watch import Loss, StoreWatch
from meter.policy.model import OutageKind, Policy

log = logging.getLogger("meter")


class Outages:
    """The parts of a worker that matter when the store is away; ``close`` them when their work has ended."""

    def __init__(self, ledger: RedisLedger, folder: Path, *, off: str | None) -> None:
        """Make the parts.

        Args:
            ledger: the books.
            folder: where journals are kept.
            off: why nothing can be served while the store is away.

        Raises:
            LedgerUnavailable: journals can't be kept in the folder.
        """
        self._ledger = ledger
        self._off = off
        self.reserve = None if off else _reserve(ledger, folder)
        self._upkeep = None if self.reserve is None else Upkeep(ledger, self.reserve, on_unpaid=metrics.UNPAID.inc)
        self._watch = StoreWatch(ledger, on_loss=self._lost)

    def work(self) -> Iterable[tuple[str, Coroutine[None, None, None]]]:
        """What is to be done in the background, with its name."""
        yield "store", self._watch.run()
        if self._upkeep is not None:
            yield "reserve", self._upkeep.run()

    async def close(self) -> None:
        """Return what is left of the reserve."""
        if self._upkeep is not None:
            await self._upkeep.close()

    @property
    def serves(self) -> bool:
        """Whether calls can be served while the store is away."""
        return self.reserve is not None and self.reserve.serves

    @property
    def troubles(self) -> dict[str, str | None]:
        """What is not well, by part."""
        reserve = None if self._upkeep is None else self._upkeep.trouble
        return {"books": self._watch.trouble, "reserve": reserve}

    def gauge(self) -> None:
        """Show how it stands now."""
        metrics.SILENT.set(self._ledger.silence is not None)
        if self.reserve is not None:
            metrics.LEASES.set(self.reserve.leases)
            metrics.UNPOSTED.set(self.reserve.unposted)

    def told(self, policy: Policy) -> Policy:
        """Give the policy back; say so if it asks for what can't be done here."""
        served = any(one.outage.kind is not OutageKind.REFUSE for one in policy.operations.values())
        if served and self._off is not None:
            log.warning("While the store is away calls are refused, whatever the policies say: %s.", self._off)
        return policy

    async def _lost(self, loss: Loss) -> None:
        """Count what the store has lost, keep what can be charged again, and lease anew."""
        metrics.STORE_LOSSES.inc()
        metrics.OPERATIONS_LOST.inc(len(loss.lost))
        if self.reserve is not None:
            self.reserve.renounce()
            await asyncio.to_thread(keep, self.reserve.folder, loss.charges)


def why_off(store: str, data: Path) -> str | None:
    """Why nothing can be served while a store is away; None where it can."""
    if store.startswith("memory:"):
        return "the store is this process's memory"
    return forgets(data)


def _reserve(ledger: RedisLedger, folder: Path) -> Reserve:
    try:
        return Reserve(folder, now=ledger.now)
    except OSError as error:
        raise LedgerUnavailable(
            f"Journals can't be kept in {folder}: {error.strerror}; name another folder by METER_DATA.",
            fate_unknown=False,
        ) from error

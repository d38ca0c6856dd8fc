"""Where workers meet to agree on the load: one key in the store that all report to and one of them samples for."""

import secrets
from dataclasses import dataclass

from meter.ledger.deadline import Deadline
from meter.ledger.line import Line
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.scripts import Script, load

KEY = "{meter}:load"

_REPORT = load("load_report")
_PUBLISH = load("load_publish")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a worker learns by reporting."""

    leads: bool
    """Whether this worker is the one that samples now."""
    now_ms: int
    """The store's Unix milliseconds."""
    calls: int
    """Calls in progress in all workers that reported within five seconds."""
    published: str
    """What the leader last published; empty if nothing."""


class LoadBoard:
    """The shared state of the load."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def report(self, worker: str, calls: int) -> Sighting:
        """Say how many calls a worker has in progress; learn who leads, and what was published.

        Raises:
            LedgerUnavailable: the store did not answer.
        """
        leads, now_ms, total, published = await self._run(_REPORT, worker, str(calls))
        return Sighting(leads=leads == "1", now_ms=int(now_ms), calls=int(total), published=published)

    async def publish(self, worker: str, text: str) -> None:
        """Publish for all workers, unless another one leads by now.

        Raises:
            LedgerUnavailable: the store did not answer.
        """
        await self._run(_PUBLISH, worker, text)

    async def _run(self, script: Script, worker: str, text: str) -> list[str]:
        """Run a script, and give what it says besides the echo and its word."""
        echo = secrets.token_hex(8)
        reply = await self._line.run(script, [KEY], [echo, worker, text], Deadline())
        if not isinstance(reply, list) or reply[:1] != [echo]:
            raise LedgerUnavailable("The store answered with another question's reply.", fate_unknown=True)
        return reply[2:]

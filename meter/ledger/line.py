"""The line to the store: scripts go in, replies come out, and nobody gets another's.

Which line it is, the URL says; a faster one is another class that keeps the promise of ``Line``.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from meter.ledger import address
from meter.ledger.cluster_line import ClusterLine
from meter.ledger.deadline import Deadline
from meter.ledger.scripts import Reply, Script
from meter.ledger.tick_line import TickLine


class Line(Protocol):
    """The way to the store."""

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        """Run a script once, and only once: what is asked again is the caller's to decide.

        Raises:
            LedgerUnavailable: and nothing else; its fate is unknown if it was written and no reply came.
        """
        ...

    def place(self, keys: Sequence[str]) -> str:
        """Which server is asked for keys, since one may fail and another answer; empty where there is one alone."""
        ...


@contextlib.asynccontextmanager
async def open_line(url: str) -> AsyncIterator[Line]:
    """Give a line to the store of a URL: a server's, a cluster's, or ``memory://`` for tests.

    Raises:
        LedgerUnavailable: it is no URL of a store.
    """
    if url.startswith("memory://"):
        from meter.ledger.memory import MemoryLine  # noqa: PLC0415 - fakeredis is an extra

        yield MemoryLine(url)
        return
    async with contextlib.aclosing(_line_to(address.read(url))) as line:
        yield line


def _line_to(store: address.Address) -> TickLine | ClusterLine:
    return ClusterLine(store) if store.nodes else TickLine(store.connection, replicas=store.replicas)

"""A line to a cluster: each script goes to the node that has its keys, and after them when they move.

Every node has a line of its own, with its own batches; here is only which of them it is. What a node did not do because
it has not the keys is sent on within the deadline; whatever else became of it, the caller decides.
"""

import asyncio
import time
from collections.abc import Sequence

from redis.crc import key_slot
from redis.exceptions import AskError, MovedError

from meter.ledger.address import Address, Node
from meter.ledger.complaints import Elsewhere, not_reached
from meter.ledger.deadline import Deadline, Limit
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.scripts import Reply, Script
from meter.ledger.slots import Owners, ask_owners
from meter.ledger.tick_line import TickLine

LOOK_SECONDS = 0.25
"""Between two looks at which node has what."""
PAUSE_SECONDS = 0.001
"""Before a script is sent on for the second time; doubled each time."""
PAUSE_SECONDS_MAX = 0.02


class ClusterLine:
    """A line over the nodes of a cluster."""

    def __init__(self, store: Address) -> None:
        self._store = store
        self._lines: dict[Node, TickLine] = {}
        self._owners: Owners = []
        self._trouble = ""
        self._look: asyncio.Task[None] | None = None
        self._look_from = 0.0

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        """Run a script where its keys are."""
        slot = _slot(keys)
        node, asking, pause = await self._owner(slot, deadline), False, 0.0
        while True:
            try:
                return await self._line(node).run(script, keys, args, deadline, asking=asking)
            except Elsewhere as sent_on:
                if deadline.seconds_left <= pause:
                    raise LedgerUnavailable(
                        f"The cluster is moving the keys of a step; wait until it has moved them. ({sent_on.error})",
                        fate_unknown=sent_on.fate_unknown,
                    ) from sent_on
                node, asking = self._next(slot, node, sent_on)
            except LedgerUnavailable:
                self._look_again()
                raise
            await asyncio.sleep(pause)
            pause = min(pause * 2 + PAUSE_SECONDS, PAUSE_SECONDS_MAX)

    def place(self, keys: Sequence[str]) -> str:
        """The node that has keys; empty where nobody is known to."""
        owner = self._owners[_slot(keys)] if self._owners else None
        return str(owner or "")

    async def aclose(self) -> None:
        """Wait for what is under way, then hang up."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait([self._look])
        for line in self._lines.values():
            await line.aclose()

    async def _owner(self, slot: int, deadline: Deadline) -> Node:
        """Which node has a slot."""
        if not self._owners:
            await self._first_look(deadline)
        node = self._owners[slot]
        if node is None:
            self._look_again()
            raise not_reached("no node of its cluster has these keys", deadline)
        return node

    async def _first_look(self, deadline: Deadline) -> None:
        self._look_again()
        try:
            async with Limit(deadline.seconds_left):
                if self._look is not None:
                    await asyncio.shield(self._look)
        except TimeoutError:
            raise not_reached("the nodes of its cluster do not answer", deadline) from None
        if not self._owners:
            raise not_reached(self._trouble, deadline)

    def _next(self, slot: int, asked: Node, sent_on: Elsewhere) -> tuple[Node, bool]:
        """Where a node sent a script that it did not run, and whether its keys are only being handed over there."""
        match sent_on.error:
            case MovedError(host=host, port=port):
                self._look_again()
                owner = self._owners[slot] = Node(host or asked.host, port)
                return owner, False
            case AskError(host=host, port=port):
                return Node(host or asked.host, port), True
            case _:
                return self._owners[slot] or asked, False

    def _look_again(self) -> None:
        """Look which node has what, one look at a time, and not too often."""
        if self._look is None and time.monotonic() >= self._look_from:
            self._look = asyncio.create_task(self._learn())

    async def _learn(self) -> None:
        try:
            self._owners = await ask_owners(self._store, filter(None, self._owners))
        except LedgerUnavailable as error:
            self._trouble = str(error)
        finally:
            self._look, self._look_from = None, time.monotonic() + LOOK_SECONDS
        for node in self._lines.keys() - set(self._owners):
            if self._lines[node].idle:
                await self._lines.pop(node).aclose()

    def _line(self, node: Node) -> TickLine:
        line = self._lines.get(node)
        if line is None:
            line = self._lines[node] = TickLine(lambda: self._store.connection(node), replicas=self._store.replicas)
        return line


def _slot(keys: Sequence[str]) -> int:
    """The slot of the first key, which is that of all keys of a step."""
    return key_slot(keys[0].encode())

"""A wire between the gateway and its store that loses replies: a real Unix socket in front of another.

It lets the store execute what is written, and then hangs up, or says nothing more, where the first write of a charge
was among it.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import hiredis

from meter.ledger.scripts import CHARGE

CHUNK_BYTES = 1 << 16
_CHARGE = ([CHARGE.sha.encode()], [CHARGE.text.encode()])


@dataclass(slots=True, kw_only=True)
class Relay:
    """Where the gateway finds the store, and what is done to its replies."""

    socket: Path
    store: Path
    random: Random
    lost: float = 0.0
    """The share of charges whose first reply is lost."""
    silent: float = 0.1
    """The share of losses in which nobody hangs up, so that a deadline has to end the waiting."""
    seen: set[bytes] = field(default_factory=set)
    """The charges that were written."""
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Relay for as long as the block runs."""
        wires: set[asyncio.Task[None]] = set()

        def connected(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
            wires.add(asyncio.create_task(self._wire(client, answer)))

        server = await asyncio.start_unix_server(connected, self.socket)
        try:
            yield
        finally:
            server.close()
            for wire in wires:
                wire.cancel()
            ended = await asyncio.gather(*wires, return_exceptions=True)
            assert [one for one in ended if isinstance(one, Exception)] == []

    async def _wire(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        with contextlib.closing(answer), contextlib.suppress(OSError, EOFError):
            store, question = await asyncio.open_unix_connection(self.store)
            with contextlib.closing(question):
                await self._relay(client, answer, store, question)

    async def _relay(
        self,
        client: asyncio.StreamReader,
        answer: asyncio.StreamWriter,
        store: asyncio.StreamReader,
        question: asyncio.StreamWriter,
    ) -> None:
        commands = hiredis.Reader()
        while chunk := await client.read(CHUNK_BYTES):
            question.write(chunk)
            commands.feed(chunk)
            loses = False
            while (command := commands.gets()) is not False:
                reply = await _frame(store)
                loses |= self._loses(command)
                if not loses and not answer.is_closing():
                    answer.write(reply)
            if loses:
                await self._end(client)
                return

    def _loses(self, command: list[bytes]) -> bool:
        if command[1:2] not in _CHARGE:
            return False
        operation = command[3 + int(command[2])]
        first = operation not in self.seen
        self.seen.add(operation)
        return first and self.random.random() < self.lost

    async def _end(self, client: asyncio.StreamReader) -> None:
        """Hang up at once, or wait in silence until the gateway does."""
        silent = self.random.random() < self.silent
        self.faults["silence" if silent else "cut"] += 1
        while silent and await client.read(CHUNK_BYTES):
            pass


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """One whole reply, as it was sent, in RESP 2 or 3."""
    line = await reader.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError
    kind, number = line[:1], line[1:-2]
    if kind in b"*~>%":
        return line + b"".join([await _frame(reader) for _ in range(int(number) * (2 if kind == b"%" else 1))])
    if kind in b"$=!" and number != b"-1":
        return line + await reader.readexactly(int(number) + 2)
    return line

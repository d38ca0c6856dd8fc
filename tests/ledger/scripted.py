"""A store that answers what a test says, word for word."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import hiredis

Answer = Callable[[list[str]], bytes | None]
"""What is answered to a command; None hangs up without a word."""

HOST = "127.0.0.1"
SLOT_LAST = 16_383


@dataclass
class Scripted:
    answer: Answer
    port: int = 0
    heard: list[str] = field(default_factory=list)
    """The first word of each command."""
    reads: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands = hiredis.Reader(encoding="utf-8")
        try:
            while some := await reader.read(1 << 20):
                commands.feed(some)
                self.reads += 1
                answers = list(self.answers(commands))
                writer.write(b"".join(answer for answer in answers if answer is not None))
                if None in answers:
                    return
        finally:
            writer.close()

    def answers(self, commands: hiredis.Reader) -> Iterator[bytes | None]:
        while (command := commands.gets()) is not False:
            self.heard.append(command[0])
            yield self.answer(command)


@asynccontextmanager
async def scripted(answer: Answer) -> AsyncIterator[Scripted]:
    store = Scripted(answer)
    server = await asyncio.start_server(store.serve, HOST, 0)
    store.port = server.sockets[0].getsockname()[1]
    try:
        yield store
    finally:
        server.close()


def owning(*ranges: tuple[int, int, int]) -> bytes:
    """The answer to CLUSTER SLOTS: first slot, last slot and port of each master."""
    rows = (
        f"*3\r\n:{first}\r\n:{last}\r\n*3\r\n$9\r\n{HOST}\r\n:{port}\r\n$1\r\nx\r\n" for first, last, port in ranges
    )
    return f"*{len(ranges)}\r\n{''.join(rows)}".encode()

"""A proxy between a line and its store that loses replies: the store has executed, and the connection breaks."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import hiredis

OPERATION_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{20}")

Loses = Callable[[bytes], bool]
"""Whether the reply to what was just written is lost."""


@dataclass
class Proxy:
    url: str
    store: Path
    loses: Loses
    written: list[bytes] = field(default_factory=list)
    """What came in, one read each."""
    lost: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_store, to_store = await asyncio.open_unix_connection(self.store)
        try:
            while asked := await reader.read(1 << 20):
                self.written.append(asked)
                to_store.write(asked)
                answered = await self._answers(from_store, asked.count(b"\r\nEVAL"))
                if self.loses(asked):
                    self.lost += 1
                    return
                writer.write(answered)
        except ConnectionError:
            return
        finally:
            writer.close()
            to_store.close()

    async def _answers(self, from_store: asyncio.StreamReader, count: int) -> bytes:
        """The store's answers to so many scripts, as they came."""
        answers, parser = b"", hiredis.Reader(notEnoughData=None)
        while count:
            some = await from_store.read(1 << 20)
            answers += some
            parser.feed(some)
            while count and parser.gets() is not None:
                count -= 1
        return answers


def once_an_operation() -> Loses:
    """Lose the first reply to each operation, and to whatever was written with it."""
    seen: set[bytes] = set()

    def loses(asked: bytes) -> bool:
        new = set(OPERATION_ID.findall(asked)) - seen
        seen.update(new)
        return bool(new)

    return loses


@contextlib.asynccontextmanager
async def losing(store_url: str, folder: Path, loses: Loses) -> AsyncIterator[Proxy]:
    path = folder / "p"
    proxy = Proxy(url=f"unix://{path}", store=Path(store_url.removeprefix("unix://")), loses=loses)
    server = await asyncio.start_unix_server(proxy.serve, path)
    try:
        yield proxy
    finally:
        server.close()

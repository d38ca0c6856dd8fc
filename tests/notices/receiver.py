"""A receiver of webhooks on a real socket, which keeps what came and answers as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECONDS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """One request."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        """What it says, if its signature is right."""
        return Webhook(SECRET).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Who receives; answers 204 unless told otherwise."""

    url: str = ""
    answers: list[int | None] = field(default_factory=list)
    """The next statuses; None hangs up without an answer."""
    silent: bool = False
    """Whether nobody gets an answer."""
    got: list[Got] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, types: set[str]) -> None:
        """Wait until events of these types have come."""
        async with asyncio.timeout(SECONDS_MAX), self.arrived:
            await self.arrived.wait_for(lambda: types <= set(self.types))

    async def has(self, count: int) -> list[Got]:
        """Wait until so many requests have come."""
        async with asyncio.timeout(SECONDS_MAX), self.arrived:
            await self.arrived.wait_for(lambda: len(self.got) >= count)
        return self.got

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().rstrip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                status = self.answers.pop(0) if self.answers else 204
                if status is not None and not self.silent:
                    writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nlocation: /elsewhere\r\n\r\n".encode())
                    await writer.drain()
                async with self.arrived:
                    self.got.append(Got(line=line, headers=headers, body=body))
                    self.arrived.notify_all()
                if status is None:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @property
    def types(self) -> list[str]:
        return [json.loads(one.body)["type"].removeprefix("asgi-meter.credits.") for one in self.got]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?token=t0ken"
    try:
        yield receiver
    finally:
        server.close()

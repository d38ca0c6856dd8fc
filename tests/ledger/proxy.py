"""A proxy between a line and its store that loses replies: the store has executed, and the connection breaks."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import hiredis
import redis

from tests.cluster import HOST, Cluster, until

OPERATION_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{20}")

Loses = Callable[[bytes], bool]
"""Whether the reply to what was just written is lost."""

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass
class Proxy:
    url: str
    connect: Connect
    loses: Loses
    written: list[bytes] = field(default_factory=list)
    """What came in, one read each."""
    lost: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands, answers = hiredis.Reader(), hiredis.Reader()
        from_store, to_store = await self.connect()
        try:
            while asked := await reader.read(1 << 20):
                self.written.append(asked)
                commands.feed(asked)
                to_store.write(asked)
                answered = await _answers(from_store, answers, _count(commands))
                if self.loses(asked):
                    self.lost += 1
                    return
                writer.write(answered)
        except ConnectionError:
            return
        finally:
            writer.close()
            to_store.close()


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
    path, store = folder / "p", store_url.removeprefix("unix://")
    proxy = Proxy(f"unix://{path}", lambda: asyncio.open_unix_connection(store), loses)
    server = await asyncio.start_unix_server(proxy.serve, path)
    try:
        yield proxy
    finally:
        server.close()


@contextlib.asynccontextmanager
async def losing_cluster(cluster: Cluster, loses: Loses) -> AsyncIterator[Sequence[Proxy]]:
    """Put a proxy before each node, and have the nodes call themselves by its port."""
    async with contextlib.AsyncExitStack() as stack:
        proxies, ports = [], []
        for one in cluster.members:
            proxy = Proxy(cluster.url, _to(one.port), loses)
            server = await asyncio.start_server(proxy.serve, HOST, 0)
            stack.callback(server.close)
            ports.append(server.sockets[0].getsockname()[1])
            proxies.append(proxy)
        try:
            await asyncio.to_thread(_announce, cluster, ports)
            yield proxies
        finally:
            await asyncio.to_thread(_announce, cluster, [one.port for one in cluster.members])


def _announce(cluster: Cluster, ports: list[int]) -> None:
    """Have each node call itself by another port, and wait until all know."""
    for one, port in zip(cluster.members, ports, strict=True):
        one.client.config_set("cluster-announce-port", port)
    until(lambda: all(ports_of(one.client) == set(ports) for one in cluster.members))


def ports_of(client: redis.Redis) -> set[int]:
    return {row[2][1] for row in client.execute_command("CLUSTER", "SLOTS")}


def _to(port: int) -> Connect:
    return lambda: asyncio.open_connection(HOST, port)


def _count(commands: hiredis.Reader) -> int:
    """How many commands have come in by now that were not whole before."""
    count = 0
    while commands.gets() is not False:
        count += 1
    return count


async def _answers(from_store: asyncio.StreamReader, parser: hiredis.Reader, count: int) -> bytes:
    """The store's answers to so many commands, as they came."""
    answers = b""
    while count:
        some = await from_store.read(1 << 20)
        if not some:
            raise ConnectionResetError
        answers += some
        parser.feed(some)
        count -= _count(parser)
    return answers

"""The line to the store: scripts go in, replies come out, and nobody gets another's.

All that is asked within one tick of the event loop leaves in one write. A batch belongs to the line and not to those
who asked: whoever stops waiting leaves a reply that is read and dropped. A faster lane, or a cluster's, is another
class that keeps the promise of ``Line``.
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, NoScriptError, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from meter.ledger.complaints import complaint, lost, not_reached
from meter.ledger.deadline import Deadline, Limit
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.scripts import Reply, Script

HANGING_UP = (AuthenticationError, BusyLoadingError)
"""Replies after which redis-py hangs up by itself."""
TOO_SLOW = "it is too slow: no connection became free in time"
CONNECTIONS = 4
WAITING_MAX = 10_000
BATCH_MAX = 1_000
CONNECT_SECONDS = 1.0
EXPIRY_SECONDS = 0.05
"""How often those who wait for a free connection are looked through for the one that has waited too long."""


class Line(Protocol):
    """The way to the store."""

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        """Run a script once, and only once: what is asked again is the caller's to decide.

        Raises:
            LedgerUnavailable: and nothing else; its fate is unknown if it was written and no reply came.
        """
        ...


@dataclass(slots=True, eq=False)
class _Call:
    """One script that somebody waits for."""

    script: Script
    keys: Sequence[str]
    args: Sequence[str]
    deadline: Deadline
    reply: asyncio.Future[Reply]

    def packed(self, command: str, what: str) -> bytes:
        words: tuple[str | int | float | bytes, ...] = (command, what, len(self.keys), *self.keys, *self.args)
        return bytes(pack_command(words))  # type: ignore[arg-type] # its stub says that there is one word

    def answer(self, reply: Reply) -> None:
        if not self.reply.done():
            self.reply.set_result(reply)

    def refuse(self, error: RedisError) -> None:
        self.deadline.refused()
        self.fail(complaint(error, self.deadline))

    def fail(self, error: LedgerUnavailable) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


class TickLine:
    """A line over a few connections, one batch at a time on each."""

    def __init__(self, connect: Callable[[], AbstractConnection], *, connections: int = CONNECTIONS) -> None:
        self._connections = [connect() for _ in range(connections)]
        self._free = list(self._connections)
        self._waiting: deque[_Call] = deque()
        self._flush_is_due = False
        self._expiry: asyncio.TimerHandle | None = None
        self._exchanges: set[asyncio.Task[None]] = set()

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline) -> Reply:
        """Run a script in the next write."""
        if len(self._waiting) >= WAITING_MAX:
            raise not_reached(f"it is too slow, and {WAITING_MAX} steps wait for it already", deadline)
        loop = asyncio.get_running_loop()
        call = _Call(script, keys, args, deadline, loop.create_future())
        self._waiting.append(call)
        if not self._flush_is_due:
            self._flush_is_due = True
            loop.call_soon(self._flush)
        if not deadline.started:
            return await call.reply
        try:
            async with Limit(deadline.seconds_left):
                return await call.reply
        except TimeoutError:
            raise lost("no reply came in time") if deadline.in_doubt else not_reached(TOO_SLOW, deadline) from None

    async def aclose(self) -> None:
        """Wait for what is under way, then hang up."""
        if self._exchanges:
            await asyncio.wait(self._exchanges)
        for connection in self._connections:
            await connection.disconnect(nowait=True)

    def _flush(self) -> None:
        """Send what waits, as far as there are free connections."""
        self._flush_is_due = False
        while self._free and (batch := self._next_batch()):
            exchange = asyncio.create_task(self._exchange(self._free.pop(), batch))
            self._exchanges.add(exchange)
            exchange.add_done_callback(self._exchanges.discard)
        if self._waiting and self._expiry is None:
            self._expiry = asyncio.get_running_loop().call_later(EXPIRY_SECONDS, self._expire)

    def _next_batch(self) -> list[_Call]:
        batch: list[_Call] = []
        while self._waiting and len(batch) < BATCH_MAX:
            call = self._waiting.popleft()
            if not call.reply.done():
                batch.append(call)
        return batch

    def _expire(self) -> None:
        """Turn away those who have waited too long for a free connection."""
        self._expiry = None
        waiting, self._waiting = self._waiting, deque()
        for call in waiting:
            if call.deadline.seconds_left > 0:
                self._waiting.append(call)
            else:
                call.fail(not_reached(TOO_SLOW, call.deadline))
        self._flush()

    async def _exchange(self, connection: AbstractConnection, batch: list[_Call]) -> None:
        """Write a batch and read its replies; whatever happens, each call gets an answer of its own."""
        try:
            if not connection.is_connected:
                batch = await _connect_for(batch, connection)
        except (RedisError, OSError) as error:
            _turn_away(batch, str(error))
        else:
            await self._converse(connection, batch)
        finally:
            self._free.append(connection)
            self._flush()

    async def _converse(self, connection: AbstractConnection, batch: list[_Call]) -> None:
        if not batch:
            return
        for call in batch:
            call.deadline.start()
        try:
            async with Limit(max(call.deadline.seconds_left for call in batch)):
                unknown = await _ask(connection, batch, [call.packed("EVALSHA", call.script.sha) for call in batch])
                if unknown:
                    await _ask(connection, unknown, [call.packed("EVAL", call.script.text) for call in unknown])
        except TimeoutError:
            await _give_up(connection, batch, "no reply came in time")
        except (RedisError, OSError) as error:
            await _give_up(connection, batch, str(error))
        except BaseException:
            await _give_up(connection, batch, "the worker stopped waiting for it")
            raise


async def _connect_for(batch: list[_Call], connection: AbstractConnection) -> list[_Call]:
    """Connect for a batch, and return it: nobody where that took longer than a reply may, for then nobody waits."""
    connecting = asyncio.create_task(_connect(connection))
    seconds = max(call.deadline.seconds for call in batch)
    try:
        async with Limit(seconds):
            await asyncio.shield(connecting)
    except TimeoutError:
        _turn_away(batch, f"no connection within {seconds:g} s")
        await connecting
        return []
    return batch


def _turn_away(batch: list[_Call], why: str) -> None:
    for call in batch:
        call.fail(not_reached(why, call.deadline))


async def _connect(connection: AbstractConnection) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.connect()  # type: ignore[no-untyped-call]
    except TimeoutError:
        raise OSError(f"no connection within {CONNECT_SECONDS} s") from None


async def _ask(connection: AbstractConnection, calls: list[_Call], commands: list[bytes]) -> list[_Call]:
    """Write commands at once and read a reply for each; return the calls whose script the store does not know."""
    await connection.send_packed_command([b"".join(commands)], check_health=False)
    unknown = []
    for call in calls:
        try:
            call.answer(await connection.read_response(timeout=math.inf))
        except NoScriptError:
            unknown.append(call)
        except HANGING_UP as error:
            call.refuse(error)
            raise
        except RedisError as error:
            if not connection.is_connected:
                raise
            call.refuse(error)
    return unknown


async def _give_up(connection: AbstractConnection, batch: list[_Call], why: str) -> None:
    """Hang up, so that no reply of this batch can be taken for another's."""
    await connection.disconnect(nowait=True)
    for call in batch:
        call.fail(lost(why))


def connector(url: str) -> Callable[[], AbstractConnection]:
    """Give what makes connections to a store, configured against every retry but our own.

    Raises:
        LedgerUnavailable: it is no URL of a store.
    """
    try:
        options: dict[str, Any] = dict(parse_url(url))
    except ValueError as error:
        raise LedgerUnavailable(
            f"The store's URL can't be used: {error} Write unix:///path, redis://host:port, rediss://host:port or "
            "memory://name.",
            fate_unknown=False,
        ) from error
    kind: type[AbstractConnection] = options.pop("connection_class", Connection)
    ours = {
        "decode_responses": True,
        "encoding_errors": "replace",
        "driver_info": None,
        "health_check_interval": 0,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": None,
    }
    return lambda: kind(**(options | ours))


@contextlib.asynccontextmanager
async def open_line(url: str) -> AsyncIterator[Line]:
    """Give a line to the store of a URL: ``unix://``, ``redis://``, ``rediss://``, or ``memory://`` for tests.

    Raises:
        LedgerUnavailable: it is no URL of a store.
    """
    if url.startswith("memory://"):
        from meter.ledger.memory import MemoryLine  # noqa: PLC0415 - fakeredis is an extra

        yield MemoryLine(url)
        return
    line = TickLine(connector(url))
    try:
        yield line
    finally:
        await line.aclose()

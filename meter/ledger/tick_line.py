"""A line to one server: all that is asked within one tick of the event loop leaves in one write.

A batch belongs to the line and not to those who asked: whoever stops waiting leaves a reply that is read and dropped.
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AuthenticationError, BusyLoadingError, NoScriptError, RedisError, ResponseError

from meter.ledger.address import CONNECT_SECONDS
from meter.ledger.complaints import complaint, lost, not_reached, unshared
from meter.ledger.deadline import Deadline, Limit
from meter.ledger.promise import LedgerUnavailable
from meter.ledger.scripts import Reply, Script

TOO_SLOW = "it is too slow: no connection became free in time"
CONNECTIONS = 4
WAITING_MAX = 10_000
BATCH_MAX = 1_000
EXPIRY_SECONDS = 0.05
"""How often those who wait for a free connection are looked through for the one that has waited too long."""
WAIT_MARGIN_SECONDS = 0.1
"""So much sooner than we, the store gives up waiting for its replicas: it looks at its clock ten times a second."""


def _packed(*words: str | int) -> bytes:
    return bytes(pack_command(words))  # type: ignore[arg-type] # its stub says that there is one word


ASKING = _packed("ASKING")
HANGING_UP = (AuthenticationError, BusyLoadingError)
"""Replies after which redis-py hangs up by itself."""


@dataclass(slots=True, eq=False)
class _Call:
    """One script that somebody waits for."""

    script: Script
    keys: Sequence[str]
    args: Sequence[str]
    deadline: Deadline
    reply: asyncio.Future[Reply]
    asking: bool
    """Whether a node of a cluster is asked for keys that another one is handing over to it."""

    def packed(self, command: str, what: str) -> bytes:
        words = _packed(command, what, len(self.keys), *self.keys, *self.args)
        return ASKING + words if self.asking else words

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

    def __init__(
        self, connect: Callable[[], AbstractConnection], *, connections: int = CONNECTIONS, replicas: int = 0
    ) -> None:
        """Connect when there is something to ask.

        Args:
            connect: makes a connection.
            connections: how many there are.
            replicas: how many replicas must have a batch before it is answered.
        """
        self._replicas = replicas
        self._connections = [connect() for _ in range(connections)]
        self._free = list(self._connections)
        self._waiting: deque[_Call] = deque()
        self._flush_is_due = False
        self._expiry: asyncio.TimerHandle | None = None
        self._exchanges: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> bool:
        """Whether nobody waits for anything."""
        return not self._exchanges and not self._waiting

    async def run(
        self, script: Script, keys: Sequence[str], args: Sequence[str], deadline: Deadline, *, asking: bool = False
    ) -> Reply:
        """Run a script in the next write."""
        if len(self._waiting) >= WAITING_MAX:
            raise not_reached(f"it is too slow, and {WAITING_MAX} steps wait for it already", deadline)
        loop = asyncio.get_running_loop()
        call = _Call(script, keys, args, deadline, loop.create_future(), asking)
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

    def place(self, keys: Sequence[str]) -> str:  # noqa: ARG002 - whatever they are, they are here
        """One server has all keys."""
        return ""

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
            async with Limit(_seconds_left(batch)):
                unknown = await self._ask(
                    connection, batch, [call.packed("EVALSHA", call.script.sha) for call in batch]
                )
                if unknown:
                    await self._ask(connection, unknown, [call.packed("EVAL", call.script.text) for call in unknown])
        except TimeoutError:
            await _give_up(connection, batch, "no reply came in time")
        except (RedisError, OSError) as error:
            await _give_up(connection, batch, str(error))
        except BaseException:
            await _give_up(connection, batch, "the worker stopped waiting for it")
            raise

    async def _ask(self, connection: AbstractConnection, calls: list[_Call], commands: list[bytes]) -> list[_Call]:
        """Write commands at once and read a reply for each; return the calls whose script the store does not know."""
        if not self._replicas:
            await _write(connection, commands)
            return await _read(connection, calls, _Call.answer)
        answered: list[tuple[_Call, Reply]] = []
        wait_seconds = max(_seconds_left(calls) - WAIT_MARGIN_SECONDS, 0.001)
        await _write(connection, [*commands, _packed("WAIT", self._replicas, int(wait_seconds * 1000))])
        unknown = await _read(connection, calls, lambda call, reply: answered.append((call, reply)))
        self._acknowledge(answered, int(await connection.read_response(timeout=math.inf)))
        return unknown

    def _acknowledge(self, answered: list[tuple[_Call, Reply]], replicas: int) -> None:
        """Answer the calls of a batch that enough replicas have."""
        for call, reply in answered:
            if replicas >= self._replicas:
                call.answer(reply)
            else:
                call.fail(unshared(replicas, self._replicas))


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


def _seconds_left(calls: list[_Call]) -> float:
    return max(call.deadline.seconds_left for call in calls)


async def _write(connection: AbstractConnection, commands: list[bytes]) -> None:
    await connection.send_packed_command([b"".join(commands)], check_health=False)


async def _read(
    connection: AbstractConnection, calls: list[_Call], answer: Callable[[_Call, Reply], None]
) -> list[_Call]:
    unknown = []
    for call in calls:
        try:
            if call.asking:
                await _skip(connection)
            answer(call, await connection.read_response(timeout=math.inf))
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


async def _skip(connection: AbstractConnection) -> None:
    """Read the answer to ASKING, whatever it is: without it, the script behind it is sent elsewhere again."""
    with contextlib.suppress(ResponseError):
        await connection.read_response(timeout=math.inf)


async def _connect(connection: AbstractConnection) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await connection.connect()  # type: ignore[no-untyped-call]
    except TimeoutError:
        raise OSError(f"no connection within {CONNECT_SECONDS} s") from None


async def _give_up(connection: AbstractConnection, batch: list[_Call], why: str) -> None:
    """Hang up, so that no reply of this batch can be taken for another's."""
    await connection.disconnect(nowait=True)
    for call in batch:
        call.fail(lost(why))

"""One WebSocket that is charged and is being served: what passed, who left, how it ended, what it cost.

Made for one socket, in the shape of ``ServedCall``. A message is paid for before it passes, one at a time, so that a
socket is cut exactly at the last message that its credits pay for. How it ended is what ended it first.
"""

import asyncio
import contextlib
from collections import deque

from meter.gateway.asgi import ASGIApp, Message, Receive, Scope, Send
from meter.gateway.headers import lowered
from meter.gateway.measuring import report
from meter.gateway.reported import leave
from meter.gateway.served import CHARGE, CLOSE_SECONDS_MAX, END_OF, FAILURE, LEFT_BEFORE, CutOff, figures_of, settle
from meter.gateway.socket_measuring import Direction, Stopwatch
from meter.gateway.socket_serving import STOPPED
from meter.gateway.writer import WriterParts
from meter.policy.ends import End
from meter.policy.model import MeterKind
from meter.till import Charge

_TURNS = 4
"""Of the event loop: a server that has the handshake and a hang-up to tell needs two or three."""
TICK_SECONDS = 1.0
"""How often a socket that pays for its time is looked at."""

CUT_CODE = 1008
CUT_REASON = "credits exhausted"

_ABNORMAL = 1006
_SERVICE_FAILED = frozenset({1011, 1012, 1013, 1014})
"""The close codes by which a service says that it is its own fault (RFC 6455, 7.4.1, and the IANA's registry)."""


class ServedSocket:
    """The wrapped ``receive`` and ``send`` of one WebSocket, and its end."""

    __slots__ = (
        "_caller", "_charge", "_end", "_from_caller", "_is_accepted", "_is_cut", "_is_gone", "_parts", "_scope",
        "_send", "_stopwatch", "_ticking", "_to_caller", "_turn",
    )  # fmt: skip

    def __init__(self, charge: Charge, scope: Scope, receive: Receive, send: Send, parts: WriterParts) -> None:
        self._charge = charge
        self._scope = scope
        self._caller = _Caller(receive)
        self._send = send
        self._parts = parts
        self._from_caller = Direction(charge, MeterKind.REQUEST_EVENTS, MeterKind.REQUEST_BYTES)
        self._to_caller = Direction(charge, MeterKind.RESPONSE_EVENTS, MeterKind.RESPONSE_BYTES)
        self._stopwatch = Stopwatch(charge)
        self._turn = asyncio.Lock()
        self._ticking: asyncio.Task[None] | None = None
        self._is_accepted = False
        self._is_cut = False
        self._is_gone = False
        self._end: End | None = None

    async def serve(self, app: ASGIApp) -> None:
        """Call the app, and close the charge by how that ended, whatever happens."""
        self._scope[CHARGE] = self._charge
        try:
            await app(self._scope, self.receive, self.send)
        except GeneratorExit:
            raise  # the event loop is gone, and nothing can be awaited any more
        except BaseException as error:
            with contextlib.suppress(asyncio.CancelledError):  # what the app raised is told, whoever waits no more
                await asyncio.shield(self._failed(error))
            if not (self._is_cut and isinstance(error, Exception)):
                raise
        else:
            await self._finished(End.SUCCESS if self._is_accepted else End.RAISED)

    async def give_up(self) -> None:
        """Close the charge of a socket that is not dispatched any more."""
        self._charge.waive(LEFT_BEFORE)
        await self._finished(End.HANGUP)

    async def has_left(self) -> bool:
        """Whether the caller has left by now; nothing of what it sent is lost."""
        return await self._caller.has_left()

    async def receive(self) -> Message:
        """Pass what the caller says, as far as it is paid for; after the cut, the socket is over."""
        message = None if self._is_cut else await self._caller.receive()
        if message is not None and not self._is_cut:
            if message["type"] == "websocket.disconnect":
                self._ended(self._left(message))
            if message["type"] != "websocket.receive" or await self._pays(self._from_caller, message):
                return message
        return {"type": "websocket.disconnect", "code": CUT_CODE, "reason": CUT_REASON}

    async def send(self, message: Message) -> None:
        """Pass what the app says, as far as it is paid for.

        Raises:
            CutOff: it is not; the app is to stop.
        """
        if self._is_cut:
            raise CutOff
        match message["type"]:
            case "websocket.send":
                await self._say(message)
            case "websocket.accept":
                await self._accept(message)
            case "websocket.http.response.start":
                await self._deny(message)
            case "websocket.close":
                self._ended(self._closed_by_app(message))
                await self._sent(message)
            case _:
                await self._send(message)

    async def _say(self, message: Message) -> None:
        if not await self._pays(self._to_caller, message):
            raise CutOff
        is_said = False
        try:
            await self._sent(message)
            is_said = True
        finally:
            if not is_said:
                self._to_caller.uncount(message)

    async def _accept(self, message: Message) -> None:
        """Open the socket; its head tells what is set aside for it, or what it costs."""
        charge, headers = self._charge, lowered(message.get("headers", ()))
        leave(self._scope, message)
        if charge.metered:
            report(charge, headers)
        charge.told = not charge.metered
        told = self._parts.headers.told(headers, None)
        if charge.booked:
            told += self._parts.headers.of(figures_of(charge))
        await self._sent({**message, "headers": told})
        self._is_accepted = True
        if charge.usage.wants(MeterKind.DURATION):
            self._ticking = asyncio.create_task(self._tick())

    async def _deny(self, message: Message) -> None:
        """Close the charge by the status that the app gives in place of a socket, and tell what it came to."""
        leave(self._scope, message)
        self._ended(self._failure() or END_OF.get(message["status"] // 100, End.SERVER_ERROR))
        await self._close()
        figures = figures_of(self._charge) if self._charge.booked else None
        headers = self._parts.headers.told(lowered(message.get("headers", ())), figures)
        await self._sent({**message, "headers": headers})

    async def _sent(self, message: Message) -> None:
        """Send, and note a caller that has left and is not heard saying so."""
        try:
            await self._send(message)
        except OSError:
            self._is_gone = True
            raise

    async def _pays(self, direction: Direction, message: Message) -> bool:
        """Whether a message may pass; one that may not was not used, and the socket ends before it."""
        if not self._charge.metered:
            return True
        async with self._turn:
            if self._is_cut:
                return False
            if await self._is_covered(direction, message):
                return True
            await self._cut()
        await self._tell_cut()
        return False

    async def _is_covered(self, direction: Direction, message: Message) -> bool:
        direction.count(message)
        self._stopwatch.read()
        is_covered = False
        try:
            is_covered = await self._charge.covered()
        finally:
            if not is_covered:
                direction.uncount(message)
        return is_covered

    async def _tick(self) -> None:
        """Cut a socket whose time is used up, however silent it is."""
        while self._end is None:
            await asyncio.sleep(TICK_SECONDS)
            async with self._turn:
                self._stopwatch.read()
                if self._end is not None or await self._charge.covered():
                    continue
                await self._cut()
            await self._tell_cut()

    async def _cut(self) -> None:
        self._is_cut = True
        self._ended(End.SUCCESS)
        await self._close()

    async def _tell_cut(self) -> None:
        with contextlib.suppress(OSError):
            await self._send({"type": "websocket.close", "code": CUT_CODE, "reason": CUT_REASON})

    def _left(self, message: Message) -> End:
        """How a socket ends that the server says is over."""
        if message.get(STOPPED, False):
            return End.SHUTDOWN
        if not self._is_accepted:
            return End.HANGUP
        return End.HANGUP_MIDWAY if message.get("code") == _ABNORMAL else End.SUCCESS

    def _closed_by_app(self, message: Message) -> End:
        """How a socket ends that the app ends; before it was accepted, that is answered 403."""
        failure = self._failure()
        if failure is not None:
            return failure
        if not self._is_accepted:
            return End.CLIENT_ERROR
        return End.RAISED_MIDWAY if message.get("code") in _SERVICE_FAILED else End.SUCCESS

    def _failure(self) -> End | None:
        return End(self._scope[FAILURE]) if FAILURE in self._scope else None

    def _ended(self, end: End) -> None:
        """Note how the socket ended, once, and stop its clock."""
        if self._end is None:
            self._end = end
            self._stopwatch.stop()

    async def _failed(self, error: BaseException) -> None:
        raised = End.RAISED_MIDWAY if self._is_accepted else End.RAISED
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self._finished(End.SHUTDOWN if isinstance(error, asyncio.CancelledError) else raised)

    async def _finished(self, end: End) -> None:
        """Leave nothing running, and close the charge: by ``end``, if nothing ended the socket before."""
        self._ended(self._hung_up() or end)
        if self._ticking is not None:
            if not self._is_cut:
                self._ticking.cancel()
            await asyncio.wait([self._ticking])
        await self._caller.aclose()
        async with self._turn:
            await self._close()

    def _hung_up(self) -> End | None:
        """How a socket ends whose caller was found gone in mid-sentence: an app that then fails is not at fault."""
        if not self._is_gone:
            return None
        return End.HANGUP_MIDWAY if self._is_accepted else End.HANGUP

    async def _close(self) -> None:
        assert self._end is not None
        await settle(self._charge, self._end, self._scope)


class _Caller:
    """What the caller says, in order; it can be looked at before the app is called."""

    __slots__ = ("_kept", "_look", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: deque[Message] = deque()
        self._look: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        """The next message."""
        if not self._kept and self._look is not None:
            await asyncio.wait([self._look])
            look, self._look = self._look, None
            look.result()
        return self._kept.popleft() if self._kept else await self._receive()

    async def has_left(self) -> bool:
        """Whether the caller has hung up by now, as far as the server knows without waiting."""
        self._look = asyncio.create_task(self._looked())
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        return any(message["type"] == "websocket.disconnect" for message in self._kept)

    async def aclose(self) -> None:
        """Stop looking."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait([self._look])

    async def _looked(self) -> None:
        """Ask for ``websocket.connect``, then for what comes after it, and for no more."""
        self._kept.append(await self._receive())
        if self._kept[-1]["type"] == "websocket.connect":
            self._kept.append(await self._receive())

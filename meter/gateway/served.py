"""One call that is charged and is being served: who left, how it ended, what it cost.

Made for one call. The charge is closed exactly once, by the table of outcomes: when its answer is complete, or when it
is known that it never will be. What its price was taken for at once is given back before an answer's head leaves that
costs less.
"""

import asyncio
import contextlib

from starlette.requests import HTTPConnection

from meter.credits import Credits
from meter.gateway import metrics
from meter.gateway.asgi import ASGIApp, Message, Receive, Scope, Send
from meter.gateway.delivery import HangUpWatch
from meter.gateway.endings import Cut
from meter.gateway.events import Piece
from meter.gateway.figures import Figures
from meter.gateway.headers import CreditHeaders, lowered
from meter.gateway.measuring import Measure
from meter.gateway.reported import leave
from meter.gateway.upstream import UpstreamTimeout
from meter.gateway.writer import AnswerWriter, WriterParts
from meter.policy.ends import End
from meter.till import Charge

CHARGE = "meter.charge"
"""Where the scope of a metered call holds its charge."""
FACTS = "meter.call"
"""Where the scope of a metered call holds what the access log says of it."""
FAILURE = "meter.failure"
"""Where the proxy says how it failed to get an answer of the upstream's: an ``End``; the answer is its own."""
CLOSE_SECONDS_MAX = 2
"""How long a call that failed may take to be closed; after that, it is on the list of undos."""
LEFT_BEFORE = "the caller had left before the call was dispatched"

END_OF: dict[int, End] = {
    1: End.INFORMATIONAL,
    2: End.SUCCESS,
    3: End.REDIRECTION,
    4: End.CLIENT_ERROR,
    5: End.SERVER_ERROR,
}
"""By the first digit of the answer's status; anything else is a failure of the app."""
NOT_MODIFIED = 304
HEADS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
"""The messages that have the headers of an answer."""


class CutOff(OSError):
    """The call has used what its account can pay: its answer ends here, as for a caller who has left."""


class ServedCall:
    """The wrapped ``receive`` and ``send`` of one call, and its end."""

    __slots__ = ("_charge", "_cut", "_measure", "_receive", "_scope", "_watch", "_writer")

    def __init__(self, charge: Charge, scope: Scope, receive: Receive, send: Send, parts: WriterParts) -> None:
        self._charge = charge
        self._scope = scope
        self._watch = HangUpWatch(receive)
        self._measure = Measure(charge) if charge.metered else None
        self._cut = False
        self._writer = AnswerWriter(send, scope, meta=charge.operation.meta, telling=self, parts=parts)

    async def serve(self, app: ASGIApp) -> None:
        """Call the app, and close the charge by how that ended, whatever happens."""
        self._scope[CHARGE] = self._charge
        try:
            await app(self._scope, self.receive, self.send)
            await self._writer.finish()
        except GeneratorExit:
            raise  # the event loop is gone, and nothing can be awaited any more
        except BaseException as error:
            await asyncio.shield(self._failed(error))
            if not (self._cut and isinstance(error, Exception)):
                raise
        else:
            await self._close(self._unanswered(None))
        finally:
            await self._watch.aclose()

    async def give_up(self) -> None:
        """Close the charge of a call that is not dispatched any more."""
        self._charge.waive(LEFT_BEFORE)
        await self._close(End.HANGUP)
        await self._watch.aclose()

    async def has_left(self) -> bool:
        """Whether the caller has left by now; nothing of what it sent is lost."""
        return await self._watch.has_left()

    async def receive(self) -> Message:
        """Pass what the caller sends, measured; whoever was cut off hears that it is gone."""
        if self._cut:
            return {"type": "http.disconnect"}
        message = await self._watch.receive()
        if self._measure is not None and message["type"] == "http.request":
            self._measure.request(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Pass what the app sends, as far as it is paid for.

        Raises:
            CutOff: it is not; the app is to stop.
        """
        if self._cut:
            raise CutOff
        if message["type"] == "http.response.start":
            leave(self._scope, message)
        if self._measure is None:
            await self._writer(message)
        else:
            await self._measured(self._measure, message)

    async def at_head(self, status: int) -> Figures | None:
        """Tell what is known when the head leaves; what the call does not cost is given back before."""
        charge, end = self._charge, self._end(status)
        if charge.is_known_to_cost_less(end):
            await self._close(end)
        charge.told = not charge.metered
        return figures_of(charge) if charge.booked else None

    async def at_end(self, status: int) -> Figures | None:
        """Close the charge: the answer is complete, or cut."""
        if self._measure is not None and not self._cut:
            self._measure.complete()
        await self._close(self._end(status))
        return figures_of(self._charge) if self._charge.booked else None

    async def _measured(self, measure: Measure, message: Message) -> None:
        if message["type"] == "http.response.start":
            measure.begin(lowered(message.get("headers", ())))
            self._watch.start()
            await self._writer(message)
        elif message["type"] == "http.response.body" and not self._watch.left:
            await self._pay_as_it_goes(measure, message)
        else:
            await self._writer(message)

    async def _pay_as_it_goes(self, measure: Measure, message: Message) -> None:
        """Pass a piece of the body, in as many pieces as it can be paid for by."""
        body, more = bytes(message.get("body", b"")), message.get("more_body", False)
        left = len(body)
        for piece in measure.pieces(body):
            await self._pay(measure, piece)
            left -= len(piece.data)
            await self._writer({**message, "body": piece.data, "more_body": more or left > 0})
        if not body:
            await self._writer(message)

    async def _pay(self, measure: Measure, piece: Piece) -> None:
        """Measure a piece; where it is not covered, it was not used, and the stream ends before it."""
        readings = self._charge.usage.copy()
        measure.response(piece)
        if await self._charge.covered() or self._writer.holds:
            return
        self._charge.usage.go_back(readings)
        self._cut = True
        await self._writer.cut(self._why_cut(), last_line=self._charge.operation.last_line)
        raise CutOff

    def _why_cut(self) -> Cut:
        return Cut.CEILING if self._charge.held >= self._charge.quote.credits else Cut.SHORT

    async def _failed(self, error: BaseException) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await self._writer.abandon()
                await self._close(self._unanswered(error))

    def _end(self, status: int) -> End:
        """How a call ends that was answered."""
        if FAILURE in self._scope:
            return End(self._scope[FAILURE])
        if self._watch.left:
            return End.HANGUP_MIDWAY if self._writer.begun else End.HANGUP
        if status == NOT_MODIFIED:
            return End.NOT_MODIFIED
        return END_OF.get(status // 100, End.SERVER_ERROR)

    def _unanswered(self, error: BaseException | None) -> End:
        """How a call ends whose answer never was complete."""
        midway = self._writer.begun
        if self._watch.left:
            return End.HANGUP_MIDWAY if midway else End.HANGUP
        if isinstance(error, UpstreamTimeout):
            return End.TIMEOUT_MIDWAY if midway else End.TIMEOUT
        if isinstance(error, asyncio.CancelledError):
            return End.SHUTDOWN
        return End.RAISED_MIDWAY if midway else End.RAISED

    async def _close(self, end: End) -> None:
        if self._measure is not None and not self._charge.closed:
            self._measure.end()
        await settle(self._charge, end, self._scope)


def charge_of(request: HTTPConnection | Scope) -> Charge:
    """Give the charge of the call that a handler serves.

    Args:
        request: Starlette's or FastAPI's request, or an ASGI scope.

    Raises:
        LookupError: the call is not charged: its route is free, or no metering stands before the handler.
    """
    scope = request.scope if isinstance(request, HTTPConnection) else request
    if CHARGE not in scope:
        raise LookupError(f"{scope['path']!r} is not charged: its route is free, or MeterMiddleware is not around it.")
    charge: Charge = scope[CHARGE]
    return charge


async def settle(charge: Charge, end: End, scope: Scope) -> None:
    """Close a call's charge, once, and leave in its scope what the access log says of it."""
    if charge.closed:
        return
    try:
        await charge.close(end)
    finally:
        scope[FACTS] = {"operation": charge.operation.name, "credits": charge.consumed, "op": charge.op}
        _count(charge, end)


def untold(scope: Scope, send: Send, headers: CreditHeaders) -> Send:
    """Make the ``send`` of a call that is not charged: nobody else tells of credits in our name."""

    async def sent(message: Message) -> None:
        if message["type"] in HEADS:
            leave(scope, message)
            message = {**message, "headers": headers.told(lowered(message.get("headers", ())), None)}
        await send(message)

    return sent


def figures_of(charge: Charge) -> Figures:
    """What there is to tell of a call by now."""
    return Figures(
        consumed=charge.consumed,
        remaining=charge.remaining,
        granted=charge.balance.granted,
        reset_at=charge.balance.reset_at,
        now=charge.now,
        reserved=charge.held if charge.metered and not charge.closed else None,
        coming=charge.coming,
    )


def _count(charge: Charge, end: End) -> None:
    operation = charge.operation.name
    if charge.operation.observe:
        metrics.counted(metrics.OBSERVED, operation).inc(_graphed(charge.consumed))
    elif charge.consumed:
        metrics.counted(metrics.CONSUMED, operation, charge.plan).inc(_graphed(charge.consumed))
    if charge.forgiven and not charge.operation.observe:
        metrics.counted(metrics.REFUNDED, operation, end).inc(_graphed(charge.forgiven))
    for factor in charge.quote.factors:
        metrics.FACTOR.labels(factor.name).set(float(factor.multiply))


def _graphed(amount: Credits) -> float:
    """Make an amount a number to graph: the one place where it becomes a float, and nothing is reckoned with it."""
    return amount * 1e-6
